import t from 'tap';
import { connectRedis } from '../../../gateway/adapters/redis-connection.js';
import { createRedisLimitStore } from '../../../gateway/adapters/redis-limit-store.js';
import type { ToldCell } from '../../../gateway/adapters/shared-limits.js';
import { needsRedis, testRedis } from '../../fixtures/redis.js';

/** The script itself, in a real Redis. Amounts are an hour's, so that no test hangs on how long it takes. */

const HOUR = 3_600_000;
const cell = (given: Partial<ToldCell> = {}): ToldCell => ({
  ...{ key: 'ann', addedMs: HOUR, agoMs: 0, knownMs: 0, merge: false },
  ...given,
});

t.test('what gateways share in Redis', needsRedis, async (t) => {
  const redis = await testRedis(t);
  const store = createRedisLimitStore(await connectRedis(redis.url));
  t.teardown(() => store.close());
  const hours = async (...cells: ToldCell[]) =>
    (await store.tell(cells)).map((ms) => Math.round((ms / HOUR) * 100) / 100);
  const key = async () => ((await redis.command('KEYS', '*')) as string[])[0] ?? '';

  t.strictSame(await store.tell([]), [], 'asked for nothing, it says that it answers');
  t.strictSame(await hours(cell(), cell({ key: 'bob' }), cell()), [1, 1, 2], 'it adds, each for itself');
  t.strictSame(await hours(cell({ addedMs: 0 })), [2], 'asked only');
  t.strictSame(await hours(cell({ knownMs: 9 * HOUR, addedMs: 0 })), [2], 'what Redis knows holds');
  t.strictSame(
    await hours(cell({ knownMs: 9 * HOUR, merge: true })),
    [10],
    'unless the two are to be put together',
  );
  t.strictSame(await hours(cell({ knownMs: HOUR, merge: true })), [11], 'and then the larger of both');

  await redis.command('FLUSHALL');
  await redis.command('SCRIPT', 'FLUSH');
  t.strictSame(await hours(cell({ knownMs: 3 * HOUR })), [4], 'flushed: it is told what was known');
  await redis.command('FLUSHALL');
  t.strictSame(
    await hours(cell({ agoMs: HOUR / 2, knownMs: -HOUR })),
    [0.5],
    'half of it has been paid on the way',
  );
  t.strictSame(await hours(cell({ addedMs: 0, agoMs: 0 })), [0.5]);

  await redis.command('FLUSHALL');
  t.strictSame(await hours(cell({ addedMs: 0 })), [0]);
  t.strictSame(await redis.command('DBSIZE'), 0, 'who owes nothing has no key');
  await store.tell([cell()]);
  const ttl = Number(await redis.command('PTTL', await key()));
  t.ok(ttl > HOUR - 60_000 && ttl <= HOUR, 'a key goes when all has been paid back');

  const farAhead = Date.now() + 10 * HOUR;
  await redis.command('SET', await key(), `${2 * HOUR} ${farAhead}`);
  t.strictSame(
    await hours(cell()),
    [3],
    'its clock jumped back: nothing is paid back, and nothing is owed more',
  );
  await redis.command('SET', await key(), 'garbage');
  t.strictSame(await hours(cell()), [1], 'what cannot be read is nothing');
});
