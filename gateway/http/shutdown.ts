import type { Clock } from '../../kit/clock.js';

/** A reply without an end of its own: a stream of events, or a WebSocket. */
export interface OpenStream {
  /** Ends it where nothing is torn apart; its client is to come back, to another gateway. */
  leave(): void;
  /** After everybody's turn, while there is still time for a word. */
  leaveAtLast?(): void;
}

/**
 * How the public listener takes leave of its clients (design 5). First every reply says that it is the last on its
 * connection. Once nothing new is accepted, streams are ended one by one: clients that all came back at the same
 * instant would be a flood elsewhere.
 */
export class Shutdown {
  readonly #streams = new Map<OpenStream, () => void>();
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #told: (() => void)[] = [];
  #isAnnounced = false;
  #isOver = false;
  #leaveBy = Number.POSITIVE_INFINITY;

  /** `random` as `Math.random`: when each stream has its turn. */
  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** What is still open is being cut. */
  get isOver(): boolean {
    return this.#isOver;
  }

  announce(): void {
    this.#isAnnounced = true;
    for (const tell of this.#told) tell();
  }

  /** For connections that say it in another way than with a reply. */
  onAnnounce(tell: () => void): void {
    this.#told.push(tell);
  }

  /** To be asked before a reply's headers are written. */
  closeAfter(response: { shouldKeepAlive: boolean }): void {
    if (this.#isAnnounced) response.shouldKeepAlive = false;
  }

  /** Returns how to take it off again. */
  add(stream: OpenStream): () => void {
    this.#streams.set(stream, this.#turnOf(stream));
    return () => {
      this.#streams.get(stream)?.();
      this.#streams.delete(stream);
    };
  }

  /** Each stream is ended at some moment of the next `withinMs`; one that still opens too. */
  endStreams(withinMs: number): void {
    this.#clock.after(withinMs, () => {
      for (const stream of this.#streams.keys()) stream.leaveAtLast?.();
    });
    this.#leaveBy = this.#clock.monotonic() + withinMs;
    for (const [stream, cancel] of this.#streams) {
      cancel();
      this.#streams.set(stream, this.#turnOf(stream));
    }
  }

  /** To be told before what is left is cut. */
  end(): void {
    this.#isOver = true;
  }

  #turnOf(stream: OpenStream): () => void {
    if (this.#leaveBy === Number.POSITIVE_INFINITY) return () => undefined;
    const leftMs = Math.max(0, this.#leaveBy - this.#clock.monotonic());
    return this.#clock.after(this.#random() * leftMs, () => stream.leave());
  }
}
