import type { Clock } from '../../kit/clock.js';
import {
  type Load,
  type OpenTraffic,
  type OverloadLimits,
  PRIORITIES,
  type Priority,
} from '../pipeline/ports.js';
import type { Metrics } from './metrics.js';

const LOOK_EVERY_MS = 100;
/** Of each look: one long pause, as for collecting garbage, is no overload yet. */
const WEIGHT = 0.3;
/** More is refused quickly, and less slowly, and in between nothing changes: or it would swing. */
const UP = 0.1;
const DOWN = 0.02;
const CALM = 0.7;

/** How much of the limits is for requests of this priority: the rest is kept for those above. */
const SHARES: Record<Priority, number> = { critical: 1, normal: 0.8, low: 0.5 };

export interface LoadGaugeOptions {
  clock: Clock;
  open: Readonly<OpenTraffic>;
  limits: OverloadLimits;
}

/**
 * Measures in the background how late the event loop is, and by that which part of the requests of each priority is
 * refused. The number of requests under way is a bound and holds at once.
 */
export class LoadGauge implements Load {
  readonly #clock: Clock;
  readonly #open: Readonly<OpenTraffic>;
  readonly #refused = { critical: 0, normal: 0, low: 0 };
  /** What is due of the next request's refusal: every third, say, and not one of three by chance. */
  readonly #due = { critical: 0, normal: 0, low: 0 };
  #limits: OverloadLimits;
  #delayMs = 0;
  #cancel: () => void = () => undefined;

  constructor({ clock, open, limits }: LoadGaugeOptions) {
    this.#clock = clock;
    this.#open = open;
    this.#limits = limits;
  }

  start(): void {
    const dueAt = this.#clock.monotonic() + LOOK_EVERY_MS;
    this.#cancel = this.#clock.after(LOOK_EVERY_MS, () => {
      this.#look(Math.max(0, this.#clock.monotonic() - dueAt));
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  adopt(limits: OverloadLimits): void {
    this.#limits = limits;
  }

  excess(priority: Priority): 'in_flight' | 'loop_delay' | undefined {
    const { requests, streams, webSockets } = this.#open;
    if (requests - streams - webSockets > this.#limits.inFlight * SHARES[priority]) return 'in_flight';
    const refused = this.#refused[priority];
    if (refused === 0) return undefined;
    this.#due[priority] += refused;
    if (this.#due[priority] < 1) return undefined;
    this.#due[priority] -= 1;
    return 'loop_delay';
  }

  measure(metrics: Metrics): void {
    metrics.add(
      {
        name: 'gatehouse_event_loop_delay_seconds',
        help: 'How late the event loop is, smoothed: what overload.loop_delay is held against.',
        type: 'gauge',
        across: 'max',
      },
      () => [{ value: this.#delayMs / 1000 }],
    );
    metrics.add(
      {
        name: 'gatehouse_overload_refused_ratio',
        help: 'Part of the requests that is refused for the delay of the event loop.',
        type: 'gauge',
        across: 'max',
      },
      () => PRIORITIES.map((priority) => ({ labels: { priority }, value: this.#refused[priority] })),
    );
  }

  #look(lateMs: number): void {
    this.#delayMs += WEIGHT * (lateMs - this.#delayMs);
    for (const priority of PRIORITIES) {
      const limitMs = this.#limits.loopDelayMs * SHARES[priority];
      const refused = this.#refused[priority];
      if (limitMs === 0) this.#refused[priority] = 0;
      else if (this.#delayMs > limitMs) this.#refused[priority] = Math.min(1, refused + UP);
      else if (this.#delayMs < CALM * limitMs) this.#refused[priority] = Math.max(0, refused - DOWN);
    }
  }
}
