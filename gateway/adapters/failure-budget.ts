import { LRUCache } from 'lru-cache';
import type { Clock } from '../../kit/clock.js';

const MAX_ADDRESSES = 50_000;

/**
 * How many failures an address may cause: `burst` at once, then one each `perMs / burst`. Each attempt is charged
 * before it is made, so that parallel ones cannot run ahead of their results, and paid back when it succeeds.
 */
export class FailureBudget {
  readonly #stepMs: number;
  readonly #perMs: number;
  readonly #clock: Clock;
  /** When an address' budget would be full again (GCRA). Bounded: the least recently seen are forgotten. */
  readonly #fullAt = new LRUCache<string, number>({ max: MAX_ADDRESSES });

  constructor(clock: Clock, burst: number, perMs: number) {
    this.#clock = clock;
    this.#perMs = perMs;
    this.#stepMs = perMs / burst;
  }

  /** 0 when the attempt may be made, else how long to wait. */
  charge(address: string): number {
    const now = this.#clock.monotonic();
    const next = Math.max(this.#fullAt.get(address) ?? 0, now) + this.#stepMs;
    // A hair of tolerance, or rounding would cost the last of a burst.
    const excessMs = next - (now + this.#perMs) - 1e-6 * this.#perMs;
    if (excessMs > 0) return excessMs;
    this.#fullAt.set(address, next);
    return 0;
  }

  payBack(address: string): void {
    const fullAt = this.#fullAt.get(address);
    if (fullAt !== undefined) this.#fullAt.set(address, fullAt - this.#stepMs);
  }
}
