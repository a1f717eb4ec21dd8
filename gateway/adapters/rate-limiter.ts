import type { Clock } from '../../kit/clock.js';
import type { RateLimiter } from '../pipeline/ports.js';
import type { RateLimit } from '../pipeline/route.js';

const SWEEP_EVERY = 10_000;

/**
 * Counts in this process by GCRA: each key has one number, the time at which its allowance would be full again. A burst
 * of `requests` passes at once, then one each `perMs / requests`.
 */
export function createMemoryRateLimiter(clock: Clock): RateLimiter {
  const fullAt = new Map<string, number>();
  let untilSweep = SWEEP_EVERY;

  return {
    take(key, { requests, perMs }: RateLimit) {
      const now = clock.monotonic();
      if (--untilSweep <= 0) {
        untilSweep = SWEEP_EVERY;
        for (const [held, at] of fullAt) if (at <= now) fullAt.delete(held);
      }
      const next = Math.max(fullAt.get(key) ?? 0, now) + perMs / requests;
      // A hair of tolerance, or rounding would cost the last request of a burst.
      const excessMs = next - (now + perMs) - 1e-6 * perMs;
      if (excessMs > 0) return { retryAfterMs: excessMs };
      fullAt.set(key, next);
      return { retryAfterMs: 0 };
    },
  };
}
