import type { RateLimitReadiness } from '../../contracts/admin-api.js';
import { type Clock, pause } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { Cell } from './rate-limit-cells.js';

/** What gateways count together. */
export interface LimitStore {
  /** Resolves with what each cell owes now, in milliseconds; with no cells it says only that it answers. */
  tell(cells: readonly ToldCell[]): Promise<number[]>;
  close(): void;
}

export interface ToldCell {
  key: string;
  /** Let through here since it was last told. */
  addedMs: number;
  /** How long ago that began, on the way to the store included: what was paid back by then is paid. */
  agoMs: number;
  /** What it owed without that, as far as this gateway knows; less than nothing: since when it owes nothing. */
  knownMs: number;
  /** Counted without the others for a while: whichever knows of more is right. */
  merge: boolean;
}

export interface SharedLimitsOptions {
  /** Rejects when the store cannot be reached. */
  connect: () => Promise<LimitStore>;
  /** Who that is, as people are told. Default: Redis. */
  storeName?: string;
  clock: Clock;
  logger: Logger;
}

type SharedState = RateLimitReadiness['state'];

/** Between what is let through and its being told. Together with the round trip: how old a gateway's view may be. */
const TELL_EVERY_MS = 5;
const AT_ONCE = 500;
/** Waiting to be told. What is beyond is told with the next request of the same caller. */
const MAX_WAITING = 10_000;
const ANSWER_WITHIN_MS = 1000;
const PING_EVERY_MS = 1000;
const RECONNECT_MS = 500;

/** Of all stores together, so that a cell which goes from one to another is known to be new there. */
let connections = 0;

/**
 * Counts together with other gateways, and never keeps a request waiting for it: a gateway decides by its own copy, and
 * adds what it has let through to what all have, every few milliseconds in the background; the answer becomes the copy.
 * What was let through by an old copy is owed by all, and paid back before anything more is let through (ADR 0013).
 */
export class SharedLimits {
  readonly #options: SharedLimitsOptions;
  readonly #waiting = new Set<Cell>();
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  /** A number of the connection; 0 is none. What was counted under another one may be unknown to this one. */
  #epoch = 0;
  #state: SharedState = 'unused';
  #isTold = new AbortController();
  #roundTripMs: number | undefined;

  constructor(options: SharedLimitsOptions) {
    this.#options = options;
  }

  get state(): SharedState {
    return this.#state;
  }

  /** Of the last exchange; undefined before there was one. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** From here on there are shared limits. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#state = 'alone';
    this.#running = this.#stayConnected();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** So much was let through, or nothing and the caller has to be known better. Returns at once. */
  note(cell: Cell, addedMs: number): void {
    if (this.#state !== 'shared') return;
    if (cell.epoch !== this.#epoch) Object.assign(cell, { epoch: this.#epoch, untoldMs: 0, toMerge: true });
    if (cell.untoldMs === 0) cell.untoldSince = this.#options.clock.monotonic();
    cell.untoldMs += addedMs;
    if (this.#waiting.has(cell)) return;
    if (this.#waiting.size < MAX_WAITING) this.#waiting.add(cell);
    else cell.epoch = 0;
    if (this.#waiting.size === 1) this.#isTold.abort();
  }

  async #stayConnected(): Promise<void> {
    const { connect, storeName = 'Redis', clock, logger } = this.#options;
    const { signal } = this.#stopped;
    let isSaid = false;
    while (!signal.aborted) {
      let store: LimitStore | undefined;
      try {
        store = await connect();
        await this.#tell(store);
        this.#epoch = ++connections;
        this.#state = 'shared';
        if (isSaid) logger.info('rate limits are shared again');
        isSaid = false;
        await this.#goOnTelling(store);
      } catch (err) {
        if (!signal.aborted && !isSaid)
          logger.warn({ err }, `rate limits are counted by each gateway alone: ${storeName} does not answer`);
        isSaid = true;
      }
      this.#state = 'alone';
      this.#waiting.clear();
      store?.close();
      await pause(clock, RECONNECT_MS, signal);
    }
  }

  async #goOnTelling(store: LimitStore): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      if (this.#waiting.size === 0) {
        this.#isTold = new AbortController();
        await pause(clock, PING_EVERY_MS, AbortSignal.any([this.#isTold.signal, signal]));
      }
      if (this.#waiting.size < AT_ONCE) await pause(clock, TELL_EVERY_MS, signal);
      await this.#tell(store);
    }
  }

  async #tell(store: LimitStore): Promise<void> {
    const { clock } = this.#options;
    const cells: Cell[] = [];
    for (const cell of this.#waiting) if (cells.push(cell) === AT_ONCE) break;
    const sentAt = clock.monotonic();
    const arrivesAt = sentAt + (this.#roundTripMs ?? 0);
    const told = cells.map((cell): ToldCell => {
      this.#waiting.delete(cell);
      const { key, fullAt, untoldMs, untoldSince, toMerge } = cell;
      Object.assign(cell, { untoldMs: 0, toMerge: false });
      return {
        key,
        addedMs: untoldMs,
        agoMs: untoldMs === 0 ? 0 : arrivesAt - untoldSince,
        knownMs: fullAt - untoldMs - arrivesAt,
        merge: toMerge,
      };
    });
    const owed = await this.#answered(store.tell(told));
    this.#roundTripMs = clock.monotonic() - sentAt;
    for (const [index, cell] of cells.entries()) {
      // As of when it was sent: as of the answer it would owe the round trip as well, each time.
      const fullAt = sentAt + (owed[index] ?? 0) + cell.untoldMs;
      // Never less than is known here: Redis may have lost what it had.
      cell.fullAt = Math.max(cell.fullAt, fullAt);
    }
  }

  /** Rejects when no answer comes in time. */
  async #answered(answer: Promise<number[]>): Promise<number[]> {
    const { clock } = this.#options;
    const done = new AbortController();
    const late = pause(clock, ANSWER_WITHIN_MS, AbortSignal.any([done.signal, this.#stopped.signal])).then(
      () => {
        throw new Error(`no answer within ${ANSWER_WITHIN_MS} ms`);
      },
    );
    // The one that comes second is nobody's error any more.
    late.catch(() => undefined);
    answer.catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } finally {
      done.abort();
    }
  }
}
