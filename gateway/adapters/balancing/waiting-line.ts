import type { Clock } from '../../../kit/clock.js';
import type { LimitSpec } from './upstream-spec.js';

interface Waiter {
  go(): void;
  giveUp(): void;
  cancelTimer(): void;
}

/** Bounds the requests under way at an upstream. What comes on top waits in line, for a bounded time, or is turned away. */
export class WaitingLine {
  readonly #spec: LimitSpec;
  readonly #clock: Clock;
  readonly #line = new Set<Waiter>();
  #active = 0;

  constructor(spec: LimitSpec, clock: Clock) {
    this.#spec = spec;
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#line.size;
  }

  /** Exactly one of the two is called, at once or later. */
  enter(go: () => void, giveUp: () => void): void {
    if (this.#active < this.#spec.maxRequests) {
      this.#active += 1;
      go();
    } else if (this.#line.size < this.#spec.queue) this.#wait(go, giveUp);
    else giveUp();
  }

  leave(): void {
    const [first] = this.#line;
    if (first === undefined) {
      this.#active -= 1;
      return;
    }
    this.#line.delete(first);
    first.cancelTimer();
    first.go();
  }

  #wait(go: () => void, giveUp: () => void): void {
    const cancelTimer = this.#clock.after(this.#spec.queueMs, () => {
      this.#line.delete(waiter);
      giveUp();
    });
    const waiter: Waiter = { go, giveUp, cancelTimer };
    this.#line.add(waiter);
  }
}
