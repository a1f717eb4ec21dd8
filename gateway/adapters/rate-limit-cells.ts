import type { RateLimit } from '../pipeline/route.js';

/** How one caller stands with one limit. */
export interface Cell {
  readonly key: string;
  readonly limit: RateLimit;
  /** Monotonic milliseconds at which the whole burst is there again: GCRA's theoretical arrival time. */
  fullAt: number;
  /** Of a shared limit: what was let through here and the others do not know of yet, in milliseconds. */
  untoldMs: number;
  /** When that began, in monotonic milliseconds. */
  untoldSince: number;
  /** Of a shared limit: the connection to Redis under which it was last counted. */
  epoch: number;
  /** Of a shared limit: counted alone for a while, so its standing has to be put together with that of the others. */
  toMerge: boolean;
}

/** About 60 MB when full. */
const MAX_CELLS = 200_000;
/** Looked at for each new one: more go than come, once they have run out. */
const LOOK_AT = 2;
/** When full: one of these has to go. */
const CHOOSE_AMONG = 16;

/**
 * The cells of all limits. A cell that has run out says no more than none; a hand that goes round and round, two cells
 * for each new one, takes it away, so that no request waits for more than a few. When there is no room, whoever owes
 * least of the next few is forgotten, and may use what they had used again: refusing newcomers in their stead would let
 * anybody with many addresses lock the others out (ADR 0013).
 */
export class RateLimitCells {
  readonly #byKey = new Map<string, Cell>();
  /** The same, for the hand: a Map is slow to begin at its start when much has been taken away there. */
  readonly #round: Cell[] = [];
  #hand = 0;
  readonly #max: number;
  /** Cells that had to go while they still said something. */
  forgotten = 0;

  constructor(max: number = MAX_CELLS) {
    this.#max = max;
  }

  get size(): number {
    return this.#round.length;
  }

  /** `now` in monotonic milliseconds. */
  at(limit: RateLimit, caller: string, now: number): Cell {
    const key = `${limit.id}\n${caller}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    this.#sweep(now);
    if (this.#round.length >= this.#max) this.#forgetOne(now);
    const cell = { key, limit, fullAt: now, untoldMs: 0, untoldSince: 0, epoch: 0, toMerge: false };
    this.#byKey.set(key, cell);
    this.#round.push(cell);
    return cell;
  }

  #sweep(now: number): void {
    for (let looked = 0; looked < LOOK_AT; looked++) {
      const index = this.#next();
      const cell = this.#round[index];
      // Not one that was made this instant and is about to be charged.
      if (cell !== undefined && cell.fullAt < now) this.#remove(index);
    }
  }

  #forgetOne(now: number): void {
    const owed = (index: number): number => {
      const cell = this.#round[index];
      return cell === undefined ? Number.POSITIVE_INFINITY : (cell.fullAt - now) / cell.limit.perMs;
    };
    let least = this.#next();
    for (let looked = 1; looked < CHOOSE_AMONG; looked++) {
      const index = this.#next();
      if (owed(index) < owed(least)) least = index;
    }
    if (owed(least) > 0) this.forgotten += 1;
    this.#remove(least);
  }

  /** The place that the hand comes to. */
  #next(): number {
    this.#hand = this.#hand + 1 < this.#round.length ? this.#hand + 1 : 0;
    return this.#hand;
  }

  /** The last one takes its place. */
  #remove(index: number): void {
    const cell = this.#round[index];
    const last = this.#round.pop();
    if (cell === undefined || last === undefined) return;
    if (index < this.#round.length) this.#round[index] = last;
    this.#byKey.delete(cell.key);
  }
}
