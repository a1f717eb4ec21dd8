import { Dispatcher } from 'undici';
import { Problem } from '../../../contracts/problem.js';
import type { Clock } from '../../../kit/clock.js';
import type { TlsMaterial } from '../../../kit/tls-files.js';
import {
  Attempt,
  type AttemptPorts,
  isRepeatable,
  type RepeatableOptions,
  type WaitingHandler,
} from './attempt.js';
import type { HasCaller } from './choose-by-hash.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { connectToOne, type OwnConnection } from './own-connection.js';
import { RecentTraffic } from './recent-traffic.js';
import type { Target } from './target.js';
import { Targets, type TargetsDeps } from './targets.js';
import type { UpstreamRecord } from './upstream-record.js';
import type { TargetSpec, UpstreamSpec } from './upstream-spec.js';
import { WaitingLine } from './waiting-line.js';

/** Answers that say as much as none: whoever stands at the target does not get through either. */
const GATEWAY_FAILURES: ReadonlySet<number> = new Set([502, 503, 504]);

/** One upstream for undici: each request goes to one of its targets, or on to another, or is turned away at once. */
export class Upstream extends Dispatcher implements AttemptPorts {
  readonly name: string;
  readonly record: UpstreamRecord;
  readonly targets: Targets;
  readonly breaker: CircuitBreaker | undefined;
  readonly line: WaitingLine | undefined;
  readonly #spec: UpstreamSpec;
  readonly #clock: Clock;
  readonly #traffic: RecentTraffic;

  /** Opens nothing and sets no timer before `start`. Throws where `material` is no use to TLS. */
  constructor(record: UpstreamRecord, spec: UpstreamSpec, material: TlsMaterial, deps: TargetsDeps) {
    super();
    const { clock } = deps;
    this.name = record.upstream;
    this.record = record;
    this.targets = new Targets(spec, material, record, deps);
    this.#spec = spec;
    this.#clock = clock;
    this.#traffic = new RecentTraffic(this.monotonic);
    if (spec.breaker !== undefined)
      this.breaker = new CircuitBreaker(spec.breaker, this.#traffic, record, this.monotonic);
    if (spec.limit !== undefined) this.line = new WaitingLine(spec.limit, clock);
  }

  start(): void {
    this.targets.start();
  }

  /** Other weights for the same targets. */
  weigh(targets: readonly TargetSpec[]): void {
    this.targets.weigh(targets);
  }

  override close(): Promise<void> {
    return this.targets.close();
  }

  override destroy(): Promise<void> {
    return this.targets.destroy();
  }

  override dispatch(given: RepeatableOptions, handler: WaitingHandler): boolean {
    // Without a fixed name undici reconnects whenever the Host changes.
    const options = given.servername === this.name ? given : { ...given, servername: this.name };
    const retryAfterMs = this.breaker?.retryAfterMs() ?? 0;
    if (retryAfterMs > 0) handler.onError?.(unavailable(retryAfterMs));
    else if (this.line === undefined) this.#send(options, handler);
    else {
      const giveUp = this.line.enter(
        () => this.#send(options, handler),
        () => handler.onError?.(busy()),
      );
      if (giveUp !== undefined) handler.onWaiting?.(giveUp);
    }
    return true;
  }

  #send(options: RepeatableOptions, handler: Dispatcher.DispatchHandler): void {
    const key = this.targets.keyOf(options);
    const target = this.targets.next(isRepeatable(options), key);
    if (target === undefined) {
      this.ended();
      handler.onError?.(busy());
      return;
    }
    this.#traffic.count('requests');
    new Attempt(this, options, handler, target, key).send();
  }

  /** A connection for what the pools do not carry. Rejects as a request to them fails. */
  async ownConnection(signal: AbortSignal, caller: HasCaller): Promise<OwnConnection> {
    const retryAfterMs = this.breaker?.retryAfterMs() ?? 0;
    if (retryAfterMs > 0) throw unavailable(retryAfterMs);
    await this.#turn(signal);
    try {
      const key = this.targets.keyOf(caller);
      const target = this.targets.next(false, key);
      if (target === undefined) throw busy();
      this.#traffic.count('requests');
      return await connectToOne(this, target, key);
    } catch (error) {
      this.ended();
      throw error;
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.line === undefined) {
        resolve();
        return;
      }
      const giveUp = this.line.enter(resolve, () => reject(busy()));
      signal.addEventListener('abort', () => {
        giveUp?.();
        reject(signal.reason as Error);
      });
    });
  }

  // What an attempt asks for.

  readonly monotonic = (): number => this.#clock.monotonic();

  after(delayMs: number, fn: () => void): () => void {
    return this.#clock.after(delayMs, fn);
  }

  takeRetry(): boolean {
    const isTaken = this.#traffic.takeRetry(this.#spec.retryBudget);
    if (isTaken) this.record.retries += 1;
    else this.record.overBudget += 1;
    return isTaken;
  }

  answered(target: Target, tookMs: number, status: number): void {
    if (GATEWAY_FAILURES.has(status)) {
      this.failed(target);
      return;
    }
    this.targets.answered(target, tookMs);
    this.breaker?.answered();
  }

  failed(target: Target): void {
    this.#traffic.count('failures');
    this.record.failed(target);
    this.targets.failed(target);
    this.breaker?.failed();
  }

  ended(): void {
    this.line?.leave();
  }
}

const busy = (): Problem => new Problem('upstream_busy', { headers: { 'retry-after': '1' } });

const unavailable = (retryAfterMs: number): Problem =>
  new Problem('upstream_unavailable', { headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } });
