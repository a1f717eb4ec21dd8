import type { FastifyRedis } from '@fastify/redis';
import {
  decodeRevocation,
  REVOCATION_REDIS,
  type RevocationEntry,
  type RevocationFeed,
  type RevocationSink,
  redisHistoryId,
} from '../../contracts/revocation.js';
import type { RedisConnection } from './redis-connection.js';

const { set, stream, meta } = REVOCATION_REDIS;

/**
 * How far the copy has come: an epoch in a history of Redis, the number of the last entry in it, and that entry's place
 * in the stream.
 */
interface Position {
  historyId: string;
  epoch: string;
  number: number;
  streamId: string;
}

export interface RedisRevocationFeedOptions {
  /** Opens a connection for one follow. Rejects when Redis cannot be reached. */
  connect: () => Promise<RedisConnection>;
  /** Default 1 s: how long one blocking read waits. The feed answers at least that often. */
  blockMs?: number;
}

/**
 * The feed in Redis (design 4.4). The place in the stream is read BEFORE the whole list, so nothing that is added in
 * between is missed. XREAD does not say when entries were trimmed away, so a jump in the numbers, or another epoch,
 * starts over with the whole list.
 */
export function createRedisRevocationFeed({
  connect,
  blockMs = 1000,
}: RedisRevocationFeedOptions): RevocationFeed {
  return {
    async follow(sink, signal) {
      const { redis, close } = await connect();
      signal.addEventListener('abort', close, { once: true });
      try {
        while (!signal.aborted) {
          const position = await readSnapshot(redis, sink);
          if (position !== undefined) await followStream(redis, position, sink, blockMs, signal);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        signal.removeEventListener('abort', close);
        close();
      }
    },
  };
}

/** Undefined when the list was another one by the end, and has to be read again: a flush may have cut it short. */
async function readSnapshot(redis: FastifyRedis, sink: RevocationSink): Promise<Position | undefined> {
  const position = await readPosition(redis);
  let cursor = '0';
  do {
    const [next, members] = await redis.zscan(set, cursor, 'COUNT', 1000);
    // Members and scores alternate.
    sink.merge(members.filter((_, index) => index % 2 === 0).map(parseEntry));
    cursor = next;
  } while (cursor !== '0');
  if (!isSameList(await readPosition(redis), position)) return undefined;
  sink.synced();
  return position;
}

/**
 * All in one step. Throws when this Redis has not been seeded: it knows nothing then, or, as one that was started from
 * an old snapshot or took over from another, not all.
 */
async function readPosition(redis: FastifyRedis): Promise<Position> {
  const results = await redis
    .multi()
    .hmget(meta, 'epoch', 'number', 'seeded')
    .xrevrange(stream, '+', '-', 'COUNT', 1)
    .info('replication')
    .exec();
  const [epoch, number, seeded] = resultOf<(string | null)[]>(results, 0);
  const [last] = resultOf<StreamRecord[]>(results, 1);
  const historyId = redisHistoryId(resultOf<string>(results, 2));
  if (typeof epoch !== 'string' || typeof number !== 'string' || historyId === '' || seeded !== historyId) {
    throw new Error('the revocations in Redis are not seeded yet');
  }
  return { historyId, epoch, number: Number(number), streamId: last?.[0] ?? '0-0' };
}

const isSameList = (now: Position, then: Position): boolean =>
  now.historyId === then.historyId && now.epoch === then.epoch;

type StreamRecord = [id: string, fields: string[]];

function resultOf<T>(results: [error: Error | null, result: unknown][] | null, index: number): T {
  const [error, result] = results?.[index] ?? [new Error('Redis gave up the transaction'), undefined];
  if (error !== null) throw error;
  return result as T;
}

/** Returns when the list has to be read again. */
async function followStream(
  redis: FastifyRedis,
  from: Position,
  sink: RevocationSink,
  blockMs: number,
  signal: AbortSignal,
): Promise<void> {
  const position = { ...from };
  while (!signal.aborted) {
    const read = (await redis.xread('COUNT', 1000, 'BLOCK', blockMs, 'STREAMS', stream, position.streamId)) as
      | [key: string, records: StreamRecord[]][]
      | null;
    for (const [id, fields] of read?.[0]?.[1] ?? []) {
      const record = fieldsOf(fields);
      if (record.get('e') !== position.epoch || Number(record.get('n')) !== position.number + 1) return;
      sink.merge([parseEntry(record.get('d') ?? '')], publishedAtMs(id));
      position.number += 1;
      position.streamId = id;
    }
    if (read === null && !(await isStillAt(redis, position))) return;
    sink.answered();
  }
}

/** A stream's ids begin with the milliseconds of Redis's clock. */
function publishedAtMs(id: string): number {
  return Number.parseInt(id, 10);
}

/** A flush or a failover can leave a stream that never speaks again; its counter tells. */
async function isStillAt(redis: FastifyRedis, position: Position): Promise<boolean> {
  const now = await readPosition(redis);
  if (!isSameList(now, position)) return false;
  // An entry that came between the two reads is not a gap: the stream still has it.
  return now.number === position.number || now.streamId !== position.streamId;
}

function fieldsOf(fields: string[]): Map<string, string> {
  const record = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) record.set(fields[i] ?? '', fields[i + 1] ?? '');
  return record;
}

/** An entry that cannot be read might be the one that matters, so the feed fails instead of skipping it. */
function parseEntry(text: string): RevocationEntry {
  const entry = decodeRevocation(text);
  if (entry === undefined) throw new Error('Redis holds a revocation of an unknown form');
  return entry;
}
