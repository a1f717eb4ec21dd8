import { createHash } from 'node:crypto';
import type { RedisConnection } from './redis-connection.js';
import type { LimitStore, ToldCell } from './shared-limits.js';

/** Keys go on their own when they have run out. */
const PREFIX = 'gatehouse:limit:';

/**
 * Adds what a gateway has let through to what all of them have, for several cells at once, and answers what each owes
 * then, in milliseconds. A value is what was owed, and when by Redis's own clock, which is never compared with another;
 * should it jump back, nothing has been paid back meanwhile. What a gateway knew before is merged where Redis has
 * nothing (it was flushed, or all had been paid back), and where it is asked for. What is added was let through a while
 * ago: what had been paid back by then counts, or each time on the way would be lost to the caller.
 */
const SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local answer = {}
for i, key in ipairs(KEYS) do
  local added, ago = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local known, merge = tonumber(ARGV[4 * i - 1]), ARGV[4 * i]
  local stored = redis.call('GET', key)
  local owed, at = string.match(stored or '', '^(%S+) (%S+)$')
  owed = math.max(-ago, (tonumber(owed) or -ago) - math.max(0, now - (tonumber(at) or now)))
  if not stored or merge == '1' then owed = math.max(owed, known) end
  owed = owed + added
  if owed > 0 then
    redis.call('SET', key, string.format('%.3f %.3f', owed, now), 'PX', math.ceil(owed))
  end
  answer[i] = string.format('%.3f', owed)
end
return answer
`;
const SCRIPT_SHA = createHash('sha1').update(SCRIPT).digest('hex');

export function createRedisLimitStore({ redis, close }: RedisConnection): LimitStore {
  const run = async (args: string[], keys: number): Promise<unknown> => {
    try {
      return await redis.evalsha(SCRIPT_SHA, keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(SCRIPT, keys, ...args);
    }
  };
  return {
    async tell(cells) {
      const keys = cells.map(({ key }) => PREFIX + limitKeyDigest(key));
      const values = cells.flatMap(({ addedMs, agoMs, knownMs, merge }) => [
        addedMs.toFixed(3),
        agoMs.toFixed(3),
        knownMs.toFixed(3),
        merge ? '1' : '0',
      ]);
      const owed = ((await run([...keys, ...values], keys.length)) as unknown[]).map(Number);
      if (owed.length !== cells.length || !owed.every(Number.isFinite))
        throw new Error('Redis gave no answer of the script');
      return owed;
    },
    close,
  };
}

/** Subjects and addresses are nobody's to read elsewhere; and as long as a subject may be, a key is short. */
export function limitKeyDigest(key: ToldCell['key']): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 22);
}
