import type { Clock } from '../../kit/clock.js';

const BUCKET_MS = 10_000;
/** About 100 MB when full, which takes more proofs a second than a process can check. */
const MAX_IDS = 1_000_000;

/** What was used, until it expires by itself. Of this process alone: the proofs it is for are good for a minute. */
export interface ReplayMemory {
  /** `full`: nothing more can be remembered, so nothing more may be accepted. */
  remember(id: string, untilMs: number): 'new' | 'used' | 'full';
}

/** Kept in buckets by the time at which they may be forgotten, so that forgetting is dropping a bucket. */
export function createReplayMemory(clock: Clock, maxIds = MAX_IDS): ReplayMemory {
  const buckets = new Map<number, Set<string>>();
  let size = 0;
  const forget = (nowMs: number): void => {
    for (const [bucket, ids] of buckets) {
      if ((bucket + 1) * BUCKET_MS > nowMs) continue;
      buckets.delete(bucket);
      size -= ids.size;
    }
  };
  return {
    remember(id, untilMs) {
      forget(clock.now());
      for (const ids of buckets.values()) if (ids.has(id)) return 'used';
      if (size >= maxIds) return 'full';
      const bucket = Math.floor(untilMs / BUCKET_MS);
      const ids = buckets.get(bucket) ?? new Set();
      buckets.set(bucket, ids.add(id));
      size += 1;
      return 'new';
    },
  };
}
