import {
  decodeRevocation,
  REVOCATION_REDIS,
  type RevocationEntry,
  type RevocationPlace,
  redisHistoryId,
  revocationPlace,
} from '../../contracts/revocation.js';
import { type Clock, pause } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { VerifiedToken } from '../pipeline/states.js';
import type { RedisConnection } from './redis-connection.js';
import { RevocationIndex } from './revocation-index.js';

const { at, meta } = REVOCATION_REDIS;
const RECONNECT_MS = 500;
const PING_EVERY_MS = 1000;

export interface RevocationLookupOptions {
  connect: () => Promise<RedisConnection>;
  clock: Clock;
  logger: Logger;
}

/**
 * `mode: lookup`: Redis is asked on each request, in one round trip, for those who want no copy. Without a copy an answer
 * that does not come is not made up for by the one before: where Redis does not answer, or may not know all, `on_stale`
 * decides at once.
 */
export class RevocationLookup {
  readonly #options: RevocationLookupOptions;
  readonly #stopped = new AbortController();
  #connection: RedisConnection | undefined;
  #running: Promise<void> | undefined;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(options: RevocationLookupOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#stayConnected();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#connection?.close();
    await this.#running;
  }

  get synced(): boolean {
    return this.#answeredAt !== Number.NEGATIVE_INFINITY;
  }

  /** Nothing is held here. */
  readonly size = 0;
  readonly lagMs = undefined;

  ageMs(): number {
    return this.#options.clock.monotonic() - this.#answeredAt;
  }

  async find(token: VerifiedToken): Promise<RevocationEntry | 'unanswered' | undefined> {
    const answer = await this.#ask(placesOf(token).map((place) => at + revocationPlace(place)));
    if (answer === undefined) return 'unanswered';
    const index = new RevocationIndex();
    for (const text of answer) {
      const entry = text === null ? undefined : decodeRevocation(text);
      if (entry !== undefined) index.merge(entry);
    }
    return index.find(token);
  }

  /** The values of the keys, or undefined when Redis does not answer as one that knows all. */
  async #ask(keys: string[]): Promise<(string | null)[] | undefined> {
    const redis = this.#connection?.redis;
    if (redis === undefined) return undefined;
    try {
      const results = await redis.pipeline().info('replication').hget(meta, 'seeded').mget(keys).exec();
      const answers = results?.map(([error, answer]) => (error === null ? answer : undefined)) ?? [];
      const [info, seeded, values] = answers;
      if (typeof info !== 'string' || typeof seeded !== 'string' || !Array.isArray(values)) return undefined;
      if (seeded !== redisHistoryId(info)) return undefined;
      this.#answeredAt = this.#options.clock.monotonic();
      return values as (string | null)[];
    } catch {
      return undefined;
    }
  }

  /** Connected, and asked once a second, so that readiness and age are known without traffic. */
  async #stayConnected(): Promise<void> {
    const { connect, clock, logger } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        const connection = await connect();
        this.#connection = connection;
        while (!signal.aborted && connection.redis.status === 'ready') {
          await this.#ask([`${at}ping`]);
          await pause(clock, PING_EVERY_MS, signal);
        }
      } catch (err) {
        if (!signal.aborted) logger.warn({ err }, 'Redis cannot be asked for revocations');
      }
      this.#connection?.close();
      this.#connection = undefined;
      if (!signal.aborted) await pause(clock, RECONNECT_MS, signal);
    }
  }
}

/** Every place where an entry could concern the token. */
function placesOf({
  issuer: iss,
  tokenId,
  session,
  subject,
  client,
  keyId,
}: VerifiedToken): RevocationPlace[] {
  const places: RevocationPlace[] = [
    { kind: 'subject', iss, sub: subject },
    { kind: 'key', iss, kid: keyId },
    { kind: 'not-before', iss },
    { kind: 'not-before', iss, sub: subject },
  ];
  if (tokenId !== undefined) places.push({ kind: 'token', iss, jti: tokenId });
  if (session !== undefined) places.push({ kind: 'session', iss, sid: session });
  if (client !== undefined) {
    places.push({ kind: 'not-before', iss, client }, { kind: 'not-before', iss, client, sub: subject });
  }
  return places;
}
