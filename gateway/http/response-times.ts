/** Those that have begun in this turn of the event loop. */
let begun: ResponseTimes[] = [];

function laterThisTurn(times: ResponseTimes): void {
  if (begun.push(times) > 1) return;
  setImmediate(() => {
    const all = begun;
    begun = [];
    for (const each of all) each.startWatching();
  });
}

/**
 * How long a response may take: all of it, its upstream's silences in mid-body, and its client's while something waits
 * for it. Each calls back once. A process that stops does not wait for them.
 */
export class ResponseTimes {
  #total: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #stall: NodeJS.Timeout | undefined;
  /** Until it has been done. */
  #watchSilence: (() => void) | undefined;
  /** The client has not taken what it was sent. */
  #isHeldUp = false;

  limitTotal(leftMs: number, onOver: () => void): void {
    this.#total = setTimeout(onOver, leftMs).unref();
  }

  /** For a response without an end of its own. */
  liftTotal(): void {
    clearTimeout(this.#total);
  }

  /** `idleMs` 0: the upstream may be silent for as long as it likes. */
  limitSilence(idleMs: number, onSilent: () => void): void {
    if (idleMs === 0) return;
    this.#watchSilence = (): void => {
      this.#idle = setTimeout(() => {
        // The silence is the client's. A timer that was cleared could not be started again.
        if (this.#isHeldUp) this.#idle?.refresh();
        else onSilent();
      }, idleMs).unref();
    };
    laterThisTurn(this);
  }

  /** Most responses are whole by then. */
  startWatching(): void {
    this.#watchSilence?.();
    this.#watchSilence = undefined;
  }

  /** The upstream has said something. */
  heard(): void {
    this.#idle?.refresh();
  }

  /** The client's connection is full. */
  heldUp(stallMs: number, onStalled: () => void): void {
    this.#isHeldUp = true;
    this.#stall = setTimeout(onStalled, stallMs).unref();
  }

  /** The client has taken it. */
  drained(): void {
    clearTimeout(this.#stall);
    this.#isHeldUp = false;
    this.heard();
  }

  stop(): void {
    this.#watchSilence = undefined;
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
    clearTimeout(this.#stall);
  }
}
