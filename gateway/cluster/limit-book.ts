import { LRUCache } from 'lru-cache';
import type { Clock } from '../../kit/clock.js';
import type { LimitStore, ToldCell } from '../adapters/shared-limits.js';

/** As many as one process remembers. What has been paid back says nothing, and is what goes first. */
const MAX_CELLS = 200_000;

/**
 * What the workers of one gateway have let through together: in the primary's memory what Redis's script does for
 * gateways (ADR 0013), by the same rule. Keys are digests.
 */
export function createLimitBook(clock: Clock, maxCells: number = MAX_CELLS): Pick<LimitStore, 'tell'> {
  const cells = new LRUCache<string, { owedMs: number; at: number }>({ max: maxCells });
  const add = ({ key, addedMs, agoMs, knownMs, merge }: ToldCell): number => {
    const now = clock.monotonic();
    const stored = cells.get(key);
    // What was let through a while ago was paid back from then on.
    let owedMs = Math.max(-agoMs, stored === undefined ? -agoMs : stored.owedMs - (now - stored.at));
    if (stored === undefined || merge) owedMs = Math.max(owedMs, knownMs);
    owedMs += addedMs;
    if (owedMs > 0) cells.set(key, { owedMs, at: now });
    else cells.delete(key);
    return owedMs;
  };
  return { tell: (told) => Promise.resolve(told.map(add)) };
}
