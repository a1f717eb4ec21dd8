import type { RecentTraffic } from './recent-traffic.js';
import type { UpstreamRecord } from './upstream-record.js';
import type { BreakerSpec } from './upstream-spec.js';

export type CircuitState = 'closed' | 'open' | 'half_open';

/**
 * Stops asking an upstream most of whose requests fail, so that callers hear at once what they would hear after a
 * time-out. After a while one request goes through: if it is answered, all the others follow; if nothing is heard of it, another one may
 * try as much later.
 */
export class CircuitBreaker {
  readonly #spec: BreakerSpec;
  readonly #traffic: RecentTraffic;
  readonly #record: Pick<UpstreamRecord, 'circuitChanged'>;
  readonly #monotonic: () => number;
  #openUntil = Number.NEGATIVE_INFINITY;
  #state: CircuitState = 'closed';
  #probedAt = Number.NEGATIVE_INFINITY;

  constructor(
    spec: BreakerSpec,
    traffic: RecentTraffic,
    record: Pick<UpstreamRecord, 'circuitChanged'>,
    monotonic: () => number,
  ) {
    this.#spec = spec;
    this.#traffic = traffic;
    this.#record = record;
    this.#monotonic = monotonic;
  }

  get state(): CircuitState {
    if (this.#state === 'open' && this.#monotonic() >= this.#openUntil) this.#state = 'half_open';
    return this.#state;
  }

  /** 0 for a request that may go on, otherwise when to come again. */
  retryAfterMs(): number {
    if (this.state === 'closed') return 0;
    const now = this.#monotonic();
    const freeAt = Math.max(this.#openUntil, this.#probedAt + this.#spec.openMs);
    if (now < freeAt) return freeAt - now;
    this.#probedAt = now;
    return 0;
  }

  answered(): void {
    // One that was sent before the circuit opened says nothing new.
    if (this.state !== 'half_open') return;
    this.#state = 'closed';
    this.#traffic.clear();
    this.#record.circuitChanged(false);
  }

  failed(): void {
    const { failureRatio, minRequests } = this.#spec;
    const { requests, failures } = this.#traffic;
    if (this.state === 'half_open') this.#open();
    else if (this.#state === 'closed' && requests >= minRequests && failures >= requests * failureRatio)
      this.#open();
  }

  #open(): void {
    this.#state = 'open';
    this.#openUntil = this.#monotonic() + this.#spec.openMs;
    this.#record.circuitChanged(true);
  }
}
