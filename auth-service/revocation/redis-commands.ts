import {
  decodeRevocation,
  REVOCATION_REDIS,
  redisHistoryId,
  revocationPlace,
} from '../../contracts/revocation.js';

/** What the publisher needs of ioredis. */
export interface RedisClient {
  readonly status: string;
  eval(script: string, numberOfKeys: number, ...args: (string | number)[]): Promise<unknown>;
  hmget(key: string, ...fields: string[]): Promise<(string | null)[]>;
  info(section: string): Promise<string>;
}

/** What Redis says of itself and of the list it holds. */
export interface RedisState {
  epoch: string;
  runId: string;
  /** Of `redisHistoryId`. */
  historyId: string;
  number: number;
  /** It was given the whole list, and has lost nothing since that it knows of. */
  isSeeded: boolean;
}

/** The list in Redis is not the one that was written to: another epoch, or another last number. */
export class PublicationConflictError extends Error {
  override readonly name = 'PublicationConflictError';
}

const { set, stream, meta, at } = REVOCATION_REDIS;

/**
 * Adds entries to the set and to the stream with the next numbers, or nothing at all when epoch or last number differ:
 * what Redis lost is never papered over, and a command that was stuck in a connection does no harm when it gets through.
 * Each entry is also kept under a key of its place, where a weaker one never replaces a stronger one.
 * ARGV: epoch, last number, now (unix seconds), stream length, then entry, expiry and place of each.
 */
const APPEND_SCRIPT = `
local held = redis.call('HMGET', KEYS[3], 'epoch', 'number')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return -1 end
local number = tonumber(ARGV[2])
for i = 5, #ARGV, 3 do
  number = number + 1
  redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'n', number, 'e', ARGV[1], 'd', ARGV[i])
  local entry = cjson.decode(ARGV[i])
  local before = redis.call('GET', ARGV[i + 2])
  if before then
    local old = cjson.decode(before)
    for _, member in ipairs({'exp', 'ver', 'before'}) do
      if old[member] and entry[member] and old[member] > entry[member] then entry[member] = old[member] end
    end
  end
  redis.call('SET', ARGV[i + 2], cjson.encode(entry), 'EXAT', entry.exp)
end
redis.call('HSET', KEYS[3], 'number', number)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])
return number
`;

/** Nothing is removed: stream ids must keep growing, and what the set still holds is revoked still. */
const BEGIN_SCRIPT = `
redis.call('HDEL', KEYS[3], 'seeded')
redis.call('HSET', KEYS[3], 'epoch', ARGV[1], 'number', '0')
return 0
`;

const SEEDED_SCRIPT = `
local held = redis.call('HMGET', KEYS[3], 'epoch', 'number')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return -1 end
redis.call('HSET', KEYS[3], 'seeded', ARGV[3])
return 0
`;

export interface RedisList {
  read(): Promise<RedisState>;
  /** Begins a new epoch at number 0, not seeded. */
  begin(epoch: string): Promise<void>;
  /** Returns the new last number. Rejects with PublicationConflictError when Redis is not at `number` of `epoch`. */
  append(
    at: { epoch: string; number: number; nowS: number },
    entries: readonly PublishedEntry[],
  ): Promise<number>;
  /**
   * Says that the whole list is in, which was begun when Redis had this history. Rejects as `append` does.
   */
  markSeeded(at: { epoch: string; number: number }, historyId: string): Promise<void>;
}

export interface PublishedEntry {
  entry: string;
  expiresS: number;
}

export function redisList(client: RedisClient, streamMaxEntries: number): RedisList {
  const run = async (script: string, ...args: (string | number)[]): Promise<number> => {
    const answer = Number(await client.eval(script, 3, set, stream, meta, ...args));
    if (answer < 0)
      throw new PublicationConflictError('Redis holds another list than the one last published');
    return answer;
  };
  return {
    async read() {
      if (client.status !== 'ready') throw new Error('there is no connection to Redis');
      const [server, replication, [epoch, number, seeded]] = await Promise.all([
        client.info('server'),
        client.info('replication'),
        client.hmget(meta, 'epoch', 'number', 'seeded'),
      ]);
      const historyId = redisHistoryId(replication);
      return {
        epoch: epoch ?? '',
        runId: /^run_id:(\S+)/m.exec(server)?.[1] ?? '',
        historyId,
        number: Number(number ?? 0),
        isSeeded: historyId !== '' && seeded === historyId,
      };
    },
    async begin(epoch) {
      await run(BEGIN_SCRIPT, epoch);
    },
    append({ epoch, number, nowS }, entries) {
      const args = entries.flatMap(({ entry, expiresS }) => [entry, expiresS, placeOf(entry)]);
      return run(APPEND_SCRIPT, epoch, number, nowS, streamMaxEntries, ...args);
    },
    async markSeeded({ epoch, number }, historyId) {
      await run(SEEDED_SCRIPT, epoch, number, historyId);
    },
  };
}

function placeOf(text: string): string {
  const entry = decodeRevocation(text);
  if (entry === undefined) throw new Error('not a revocation');
  return at + revocationPlace(entry);
}
