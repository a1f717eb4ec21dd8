import type { Clock } from '../../kit/clock.js';
import type { DpopReplays } from '../pipeline/ports.js';

const BUCKET_MS = 10_000;
/** A request is judged by the time at which it came; it may have waited for a key since (design 4.11). */
const MARGIN_MS = 10_000;

/**
 * About 150 MB when full. A proof is kept for at most two minutes and costs a signature check, and no process checks
 * eight thousand of them a second, so nobody fills it by sending.
 */
const MAX_PROOFS = 1_000_000;

/**
 * The proofs of the last minutes, in this process. Kept in buckets by the time at which they may be forgotten, so that
 * forgetting is dropping a bucket.
 */
export function createDpopReplayMemory(clock: Clock, maxProofs = MAX_PROOFS): DpopReplays {
  const buckets = new Map<number, Set<string>>();
  let size = 0;

  const forget = (nowMs: number): void => {
    for (const [bucket, ids] of buckets) {
      if ((bucket + 1) * BUCKET_MS > nowMs) continue;
      buckets.delete(bucket);
      size -= ids.size;
    }
  };

  // The same proof has the same `untilMs`; another one with its `jti` may not.
  const knows = (id: string): boolean => [...buckets.values()].some((held) => held.has(id));

  return {
    knows(id) {
      forget(clock.now());
      return knows(id);
    },
    remember(id, untilMs) {
      forget(clock.now());
      const bucket = Math.floor((untilMs + MARGIN_MS) / BUCKET_MS);
      let ids = buckets.get(bucket);
      if (ids === undefined) {
        ids = new Set();
        buckets.set(bucket, ids);
      }
      if (knows(id)) return 'used';
      if (size >= maxProofs) return 'full';
      ids.add(id);
      size += 1;
      return 'new';
    },
  };
}
