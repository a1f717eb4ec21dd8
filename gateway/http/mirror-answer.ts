import type { Clock } from '../../kit/clock.js';

/** What is read of an answer, so that its connection is good for another request. The rest is not waited for. */
const READ_BYTES = 64 * 1024;

/** The answer to a copy, which nobody wants: it is not kept, and has to have ended within `timeoutMs`. */
export class MirrorAnswer {
  readonly #end: (result: 'sent' | 'failed') => void;
  readonly #cancelTimeout: () => void;
  #abort: ((error?: Error) => void) | undefined;
  #giveUp: (() => void) | undefined;
  #isLate = false;
  #result: 'sent' | 'failed' = 'failed';
  #bytes = 0;
  #isOver = false;

  constructor(clock: Clock, timeoutMs: number, end: (result: 'sent' | 'failed') => void) {
    this.#end = end;
    this.#cancelTimeout = clock.after(timeoutMs, () => this.#onTimeout());
  }

  onWaiting(giveUp: () => void): void {
    this.#giveUp = giveUp;
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#giveUp = undefined;
    this.#abort = abort;
    if (this.#isLate) abort();
  }

  onHeaders(status: number): boolean {
    if (status >= 200) this.#result = 'sent';
    return true;
  }

  onData(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > READ_BYTES) this.#abort?.();
    return true;
  }

  onComplete(): void {
    this.#finish();
  }

  onError(): void {
    this.#finish();
  }

  #onTimeout(): void {
    this.#isLate = true;
    this.#abort?.();
    if (this.#giveUp === undefined) return;
    // It hears nothing further.
    this.#giveUp();
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimeout();
    this.#end(this.#result);
  }
}
