import type { Clock } from '../../kit/clock.js';
import type { Charge, RateLimiter, Standing, Taken } from '../pipeline/ports.js';
import type { RateLimit } from '../pipeline/route.js';
import type { Cell, RateLimitCells } from './rate-limit-cells.js';

export interface RateLimiterOptions {
  cells: RateLimitCells;
  clock: Clock;
  /** Whether others count along for every limit, and not only for those that gateways share. */
  together?: boolean;
  /**
   * Told what was let through by a limit that others count along for, in milliseconds of its window; 0 for a refusal,
   * after which it is worth knowing how the caller stands with the others.
   */
  onShared: (cell: Cell, addedMs: number) => void;
}

/**
 * Counts by GCRA, in this process: each caller has one number for a limit, the time at which its burst would be whole
 * again. A burst passes at once, then one each `perMs / requests`. What is shared is added in the background.
 */
export function createRateLimiter({
  cells,
  clock,
  together = false,
  onShared,
}: RateLimiterOptions): RateLimiter {
  return {
    take(charges: readonly Charge[], cost: number): Taken {
      const now = clock.monotonic();
      const charged = charges.map(({ limit, key }) => cells.at(limit, key, now));
      const admitted = charged.every((cell) => excessMs(cell, cost, now) === 0);
      for (const cell of charged) {
        const addedMs = admitted ? cost * stepMs(cell.limit) : 0;
        if (admitted) cell.fullAt = Math.max(cell.fullAt, now) + addedMs;
        if (together || cell.limit.shared) onShared(cell, addedMs);
      }
      return { admitted, standings: charged.map((cell) => standingOf(cell, cost, now)) };
    },
  };
}

const stepMs = ({ perMs, requests }: RateLimit): number => perMs / requests;

/** By how much a request of this cost comes too soon; 0 for one that does not. */
function excessMs({ fullAt, limit }: Cell, cost: number, now: number): number {
  const step = stepMs(limit);
  const burstMs = limit.burst * step;
  const excess = Math.max(fullAt, now) + cost * step - (now + burstMs);
  // A hair of tolerance, or rounding would cost the last request of a burst.
  return excess <= 1e-6 * burstMs ? 0 : excess;
}

function standingOf(cell: Cell, cost: number, now: number): Standing {
  const owedMs = Math.max(0, cell.fullAt - now);
  return {
    available: Math.max(0, Math.floor(cell.limit.burst - owedMs / stepMs(cell.limit) + 1e-6)),
    nextInMs: excessMs(cell, cost, now),
    fullInMs: owedMs,
  };
}
