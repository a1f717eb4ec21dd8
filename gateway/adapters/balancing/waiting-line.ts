import type { Clock } from '../../../kit/clock.js';
import type { LimitSpec } from './upstream-spec.js';

interface Waiter {
  go(): void;
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

  /**
   * One of the two is called, at once or later. In the latter case it returns how to leave the line before one's turn,
   * after which neither is.
   */
  enter(go: () => void, giveUp: () => void): (() => void) | undefined {
    if (this.#active < this.#spec.maxRequests) {
      this.#active += 1;
      go();
    } else if (this.#line.size < this.#spec.queue) return this.#wait(go, giveUp);
    else giveUp();
    return undefined;
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

  #wait(go: () => void, giveUp: () => void): () => void {
    const cancelTimer = this.#clock.after(this.#spec.queueMs, () => {
      this.#line.delete(waiter);
      giveUp();
    });
    const waiter: Waiter = { go, cancelTimer };
    this.#line.add(waiter);
    return () => {
      this.#line.delete(waiter);
      cancelTimer();
    };
  }
}
