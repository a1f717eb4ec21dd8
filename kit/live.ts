/**
 * A value that is replaced whole and never changed in place. A reader takes `current` once and works with that one
 * version to the end, so a swap never mixes versions.
 */
export class Live<T> {
  #current: T;
  readonly #listeners = new Set<(next: T, previous: T) => void>();

  constructor(initial: T) {
    this.#current = initial;
  }

  get current(): T {
    return this.#current;
  }

  swap(next: T): void {
    const previous = this.#current;
    this.#current = next;
    for (const listener of this.#listeners) listener(next, previous);
  }

  /** Calls `listener` after each swap. Returns a function that ends it. */
  onSwap(listener: (next: T, previous: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
