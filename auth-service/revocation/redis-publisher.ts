import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { Database, Queries } from '../stores/database.js';
import {
  listRevocations,
  lockPublication,
  markPublished,
  type Publication,
  readPublication,
  type StoredRevocation,
  writePublication,
} from '../stores/revocations.js';
import type { RedisList, RedisState } from './redis-commands.js';
import { Waker } from './waker.js';

const CHECK_INTERVAL_MS = 1000;
/** Entries of one script call: far below what keeps Redis busy for a millisecond or two. */
const BATCH_SIZE = 250;
const EPOCH_BYTES = 16;

export interface RedisPublisherDeps {
  database: Database;
  redis: RedisList;
  clock: Clock;
  logger: Logger;
  random: (size: number) => Buffer;
}

/**
 * Brings the database's revocations into Redis (design 4.4). The publication row says what Redis was last known to
 * hold, and is locked while anything is written, so that instances take turns. Each second, and after each revoke, the
 * row is compared with what Redis says; any difference (flush, old snapshot, failover that lost writes) republishes
 * all live entries under a new epoch. What a crash leaves half done differs as well, and is done again.
 */
export class RedisPublisher {
  readonly #deps: RedisPublisherDeps;
  readonly #waker: Waker;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #isStopping = false;
  #isFailing = false;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: RedisPublisherDeps) {
    this.#deps = deps;
    this.#waker = new Waker(deps.clock);
  }

  /** Starts to publish in the background. Redis need not be there yet. */
  start(): void {
    this.#running = this.#keepPublishing();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#waker.wake();
    await this.#running;
    await this.#current.catch(() => undefined);
  }

  /** Looks again soon, such as after a reconnect. */
  wake(): void {
    this.#waker.wake();
  }

  /**
   * Resolves when Redis holds everything that was committed before the call; rejects when that cannot be had now.
   * A run under way may have read the table too early: the caller gets the one after it, together with all who wait.
   */
  publish(): Promise<void> {
    this.#next ??= this.#current
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#current = this.#run();
        return this.#current;
      });
    return this.#next;
  }

  async #keepPublishing(): Promise<void> {
    for (;;) {
      await this.#waker.sleep(CHECK_INTERVAL_MS); // at the start: until the connection is there
      if (this.#isStopping) return;
      await this.publish().catch(() => undefined); // #run has logged it
    }
  }

  async #run(): Promise<void> {
    try {
      await this.#bringUpToDate();
      if (this.#isFailing) this.#deps.logger.info('revocations: publishing to Redis again');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#deps.logger.warn({ err: error }, 'revocations: cannot publish to Redis');
      this.#isFailing = true;
      throw error;
    }
  }

  async #bringUpToDate(): Promise<void> {
    const { database, redis } = this.#deps;
    const seen = await redis.read();
    const isDone = await database.run(
      async (db) =>
        isSame(await readPublication(db), seen) && (await this.#unpublished(db, 0, 1)).length === 0,
    );
    if (isDone) return;
    await database.transaction(async (trx) => {
      const published = await lockPublication(trx);
      // Between the look above and the lock another instance may have published; only now a difference is one.
      const held = await redis.read();
      if (isSame(published, held)) await this.#publishNew(trx, published);
      else await this.#republishAll(trx, held);
    });
  }

  async #publishNew(trx: Queries, published: Publication): Promise<void> {
    const at = { epoch: published.epoch, number: published.number };
    const number = await this.#append(trx, at, (afterSeq) => this.#unpublished(trx, afterSeq, BATCH_SIZE));
    await writePublication(trx, { ...published, number });
  }

  async #republishAll(trx: Queries, { runId, historyId }: RedisState): Promise<void> {
    const epoch = this.#deps.random(EPOCH_BYTES).toString('base64url');
    await this.#deps.redis.begin(epoch);
    const number = await this.#append(trx, { epoch, number: 0 }, (afterSeq) =>
      listRevocations(trx, { afterSeq, nowS: this.#nowS(), limit: BATCH_SIZE }),
    );
    await this.#deps.redis.markSeeded({ epoch, number }, historyId);
    await writePublication(trx, { epoch, runId, number });
    this.#deps.logger.warn({ epoch, entries: number }, 'revocations: Redis was given the whole list anew');
  }

  /** Appends batch after batch until there are no more. Returns the last number. */
  async #append(
    trx: Queries,
    at: { epoch: string; number: number },
    nextBatch: (afterSeq: number) => Promise<StoredRevocation[]>,
  ): Promise<number> {
    let { number } = at;
    let lastSeq = 0;
    for (;;) {
      const batch = await nextBatch(lastSeq);
      lastSeq = batch.at(-1)?.seq ?? lastSeq;
      if (batch.length > 0) {
        number = await this.#deps.redis.append({ epoch: at.epoch, number, nowS: this.#nowS() }, batch);
      }
      if (batch.length < BATCH_SIZE) break;
    }
    if (lastSeq > 0) await markPublished(trx, lastSeq);
    return number;
  }

  #unpublished(db: Queries, afterSeq: number, limit: number): Promise<StoredRevocation[]> {
    return listRevocations(db, { afterSeq, nowS: this.#nowS(), limit, onlyUnpublished: true });
  }

  #nowS(): number {
    return Math.floor(this.#deps.clock.now() / 1000);
  }
}

function isSame(published: Publication, held: RedisState): boolean {
  return (
    held.isSeeded &&
    published.epoch === held.epoch &&
    published.runId === held.runId &&
    published.number === held.number
  );
}
