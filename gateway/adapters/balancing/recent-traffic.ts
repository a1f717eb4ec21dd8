import type { RetryBounds } from './upstream-spec.js';

const HALF_WINDOW_MS = 5000;
const WINDOW_S = 10;

/** What went to an upstream in the last five to ten seconds. */
export class RecentTraffic {
  readonly #monotonic: () => number;
  #now = { requests: 0, retries: 0, failures: 0 };
  #before = { requests: 0, retries: 0, failures: 0 };
  #since: number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#since = monotonic();
  }

  count(what: 'requests' | 'failures'): void {
    this.#turn();
    this.#now[what] += 1;
  }

  /** Forgets everything. */
  clear(): void {
    this.#now = { requests: 0, retries: 0, failures: 0 };
    this.#before = { requests: 0, retries: 0, failures: 0 };
  }

  get requests(): number {
    this.#turn();
    return this.#now.requests + this.#before.requests;
  }

  get failures(): number {
    this.#turn();
    return this.#now.failures + this.#before.failures;
  }

  /** Whether there may be one more retry, which then counts. */
  takeRetry({ ratio, perSecond }: RetryBounds): boolean {
    const budget = this.requests * ratio + perSecond * WINDOW_S;
    if (this.#now.retries + this.#before.retries + 1 > budget) return false;
    this.#now.retries += 1;
    return true;
  }

  #turn(): void {
    const now = this.#monotonic();
    const passedMs = now - this.#since;
    if (passedMs < HALF_WINDOW_MS) return;
    this.#before = passedMs < 2 * HALF_WINDOW_MS ? this.#now : { requests: 0, retries: 0, failures: 0 };
    this.#now = { requests: 0, retries: 0, failures: 0 };
    this.#since = now;
  }
}
