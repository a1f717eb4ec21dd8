import type { RateLimit } from '../pipeline/route.js';

/** How one caller stands with one limit. */
export interface Cell {
  readonly key: string;
  readonly limit: RateLimit;
  /** Monotonic milliseconds at which the whole burst is there again: GCRA's theoretical arrival time. */
  fullAt: number;
  /** Of a shared limit: what was let through here and the others do not know of yet, in milliseconds. */
  untoldMs: number;
  /** Of a shared limit: the connection to Redis under which it was last counted. */
  epoch: number;
  /** Of a shared limit: counted alone for a while, so its standing has to be put together with that of the others. */
  toMerge: boolean;
}

/** About 50 MB when full. */
const MAX_CELLS = 200_000;
/** Looked at for each new one: more go than come, once they have run out. */
const LOOK_AT = 2;
/** When full: one of these has to go. */
const CHOOSE_AMONG = 16;

/**
 * The cells of all limits, the longest unvisited first. A cell that has run out says no more than none, and goes when
 * the round comes to it; no request waits for more than a few. When there is no room, whoever owes least of the oldest
 * is forgotten, and may use what they had used again: refusing newcomers in their stead would let anybody with many
 * addresses lock the others out (ADR 0013).
 */
export class RateLimitCells {
  readonly #cells = new Map<string, Cell>();
  readonly #max: number;
  /** Cells that had to go while they still said something. */
  forgotten = 0;

  constructor(max: number = MAX_CELLS) {
    this.#max = max;
  }

  get size(): number {
    return this.#cells.size;
  }

  /** `now` in monotonic milliseconds. */
  at(limit: RateLimit, caller: string, now: number): Cell {
    const key = `${limit.id}\n${caller}`;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    this.#sweep(now);
    if (this.#cells.size >= this.#max) this.#forgetOne(now);
    const cell = { key, limit, fullAt: now, untoldMs: 0, epoch: 0, toMerge: false };
    this.#cells.set(key, cell);
    return cell;
  }

  #sweep(now: number): void {
    for (const cell of this.#oldest(LOOK_AT)) {
      this.#cells.delete(cell.key);
      // Not one that was made this instant and is about to be charged.
      if (cell.fullAt >= now) this.#cells.set(cell.key, cell);
    }
  }

  #forgetOne(now: number): void {
    const [first, ...others] = this.#oldest(CHOOSE_AMONG);
    if (first === undefined) return;
    const owed = ({ fullAt, limit }: Cell): number => (fullAt - now) / limit.perMs;
    const least = others.reduce((a, b) => (owed(b) < owed(a) ? b : a), first);
    this.#cells.delete(least.key);
    if (least.fullAt > now) this.forgotten += 1;
  }

  #oldest(count: number): Cell[] {
    const oldest: Cell[] = [];
    for (const cell of this.#cells.values()) {
      if (oldest.push(cell) === count) break;
    }
    return oldest;
  }
}
