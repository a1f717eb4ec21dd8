import pg from 'pg';
import { decodeRevocation, type RevocationEntry } from '../../contracts/revocation.js';
import { type Clock, pause } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import { PG_TYPES } from '../stores/database.js';
import { REVOCATIONS_CHANNEL } from '../stores/revocations.js';
import { Waker } from './waker.js';

/** Told by the tail, in order and at once. */
export interface TailListener {
  merge(entries: readonly RevocationEntry[]): void;
  /** The database answered just now. */
  answered(): void;
  /** The database does not answer; the tail has let go of this listener. */
  lost(error: Error): void;
}

const POLL_INTERVAL_MS = 1000;
const ANSWER_TIMEOUT_MS = 2000;
const RECONNECT_DELAY_MS = 500;
const CLOSE_TIMEOUT_MS = 500;
const SWEEP_INTERVAL_MS = 30_000;
const BATCH_SIZE = 1000;

/**
 * This instance's own copy of the live revocations: follows the table on a connection of its own, by notification and
 * by a look each second. Entries of all instances arrive in the order of their commits. After a reconnect the whole
 * list is read again (a database restored from a backup has lower numbers); an entry is never forgotten before its
 * expiry.
 */
export class RevocationTail {
  readonly #deps: { databaseUrl: string; clock: Clock; logger: Logger };
  /** By their spelling, so that reading the list again adds nothing twice. */
  readonly #entries = new Map<string, RevocationEntry>();
  readonly #listeners = new Set<TailListener>();
  readonly #onEntries: ((entries: readonly RevocationEntry[]) => void)[] = [];
  readonly #waiting = new Set<{ seq: number; resolve: () => void }>();
  readonly #stopping = new AbortController();
  readonly #waker: Waker;
  #lastSeq = 0;
  #nextSweepMs = 0;
  #isLive = false;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: { databaseUrl: string; clock: Clock; logger: Logger }) {
    this.#deps = deps;
    this.#waker = new Waker(deps.clock);
  }

  /** Resolves when the whole list has been read once; rejects when it cannot be. */
  async start(): Promise<void> {
    const client = await this.#connect();
    this.#running = this.#run(client);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#waker.wake();
    await this.#running;
  }

  /** Whether the database answered lately. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /**
   * The live entries as of now, and from here on every change to `listener`, without a gap. Returns undefined while the
   * database does not answer. `detach` ends it.
   */
  attach(listener: TailListener): { entries: RevocationEntry[]; detach: () => void } | undefined {
    if (!this.#isLive) return undefined;
    this.#listeners.add(listener);
    return { entries: [...this.#entries.values()], detach: () => this.#listeners.delete(listener) };
  }

  /** Calls `listener` with what is new, for as long as the tail runs; entries from before are not told. */
  onEntries(listener: (entries: readonly RevocationEntry[]) => void): void {
    this.#onEntries.push(listener);
  }

  /** Resolves when every listener has been given what was committed up to `seq`. */
  delivered(seq: number): Promise<void> {
    if (this.#isLive && this.#lastSeq >= seq) return Promise.resolve();
    const arrival = new Promise<void>((resolve) => this.#waiting.add({ seq, resolve }));
    this.#waker.wake();
    return arrival;
  }

  async #run(first: pg.Client): Promise<void> {
    let client: pg.Client | undefined = first;
    while (!this.#stopping.signal.aborted) {
      try {
        client ??= await this.#connect();
        await this.#follow(client);
      } catch (error) {
        this.#lose(error as Error);
        await pause(this.#deps.clock, RECONNECT_DELAY_MS, this.#stopping.signal);
      } finally {
        if (client !== undefined) await this.#close(client);
        client = undefined;
      }
    }
    this.#lose(new Error('the service is stopping'));
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#deps.databaseUrl,
      types: PG_TYPES,
      application_name: 'gatehouse-revocation-tail',
      keepAlive: true,
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    });
    client.on('error', () => this.#waker.wake()); // the next look meets it
    client.on('notification', () => this.#waker.wake());
    try {
      await client.connect();
      await client.query(`LISTEN ${REVOCATIONS_CHANNEL}`);
      this.#lastSeq = 0;
      await this.#readNew(client);
    } catch (error) {
      await this.#close(client);
      throw error;
    }
    return client;
  }

  async #follow(client: pg.Client): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#waker.sleep(POLL_INTERVAL_MS);
      if (this.#stopping.signal.aborted) return;
      this.#forgetExpired();
      await this.#readNew(client);
    }
  }

  async #readNew(client: pg.Client): Promise<void> {
    for (;;) {
      const { rows } = await client.query<{ seq: number; entry: string }>(
        'SELECT seq, entry FROM revocations WHERE seq > $1 AND expires_s > $2 ORDER BY seq LIMIT $3',
        [this.#lastSeq, this.#nowS(), BATCH_SIZE],
      );
      this.#deliver(rows);
      if (rows.length < BATCH_SIZE) break;
    }
    if (!this.#isLive) this.#deps.logger.info('revocations: following the database');
    this.#isLive = true;
    for (const listener of this.#listeners) listener.answered();
    this.#resolveWaiting();
  }

  #deliver(rows: readonly { seq: number; entry: string }[]): void {
    const fresh: RevocationEntry[] = [];
    for (const { seq, entry } of rows) {
      this.#lastSeq = seq;
      const decoded = decodeRevocation(entry);
      if (decoded === undefined)
        this.#deps.logger.error({ seq }, 'a revocation in the database is not readable');
      else if (!this.#entries.has(entry)) {
        this.#entries.set(entry, decoded);
        fresh.push(decoded);
      }
    }
    if (fresh.length === 0) return;
    for (const listener of this.#onEntries) listener(fresh);
    for (const listener of this.#listeners) listener.merge(fresh);
  }

  #resolveWaiting(): void {
    for (const waiting of this.#waiting) {
      if (waiting.seq > this.#lastSeq) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  #lose(error: Error): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    if (!this.#stopping.signal.aborted) {
      this.#deps.logger.warn({ err: error }, 'revocations: the database does not answer');
    }
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener.lost(error);
  }

  /** pg waits for the server's goodbye, which does not come from one that hangs. */
  async #close(client: pg.Client): Promise<void> {
    const giveUp = this.#deps.clock.after(CLOSE_TIMEOUT_MS, () => client.connection.stream.destroy());
    await client.end().catch(() => undefined);
    giveUp();
  }

  #forgetExpired(): void {
    if (this.#deps.clock.monotonic() < this.#nextSweepMs) return;
    this.#nextSweepMs = this.#deps.clock.monotonic() + SWEEP_INTERVAL_MS;
    const nowS = this.#nowS();
    for (const [spelling, entry] of this.#entries) {
      if (entry.exp <= nowS) this.#entries.delete(spelling);
    }
  }

  #nowS(): number {
    return Math.floor(this.#deps.clock.now() / 1000);
  }
}
