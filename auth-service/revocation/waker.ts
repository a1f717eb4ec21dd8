import type { Clock } from '../../kit/clock.js';

/** A sleep that can be cut short. A wake while nobody sleeps ends the next sleep at once: no wake is lost. */
export class Waker {
  readonly #clock: Clock;
  #isWoken = false;
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#isWoken = true;
    this.#end?.();
  }

  /** Resolves after `delayMs` or at a wake. One sleeper at a time. */
  async sleep(delayMs: number): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(delayMs, resolve);
        this.#end = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#isWoken = false;
    this.#end = undefined;
  }
}
