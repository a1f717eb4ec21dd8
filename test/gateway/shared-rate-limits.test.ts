import t from 'tap';
import { eventually } from '../fixtures/eventually.js';
import { limitedGateways } from '../fixtures/limited-gateways.js';
import { needsRedis } from '../fixtures/redis.js';

/** Two gateways and a real Redis. An hour's window: what is let through does not hang on how long the test takes. */

const passed = (statuses: number[]) => statuses.filter((status) => status === 200).length;

t.test('two gateways count as one, and Redis holds nobody’s name', needsRedis, async (t) => {
  const { redis, gateways } = await limitedGateways(t, { requests: 50, per: '1h', by: 'subject' });
  const [first, second] = gateways;
  const annAt = ({ token }: typeof first) => ({
    authorization: `Bearer ${token({ sub: 'ann@example.com' })}`,
  });
  t.equal(passed(await first.send(30, '/private', annAt(first))), 30);
  t.equal(passed(await second.send(1, '/private', annAt(second))), 1);
  const others = () => fetch(`${second.url}/private`, { headers: annAt(second) });
  await eventually(
    async () => (await others()).headers.get('ratelimit') ?? '',
    (seen) => Number(/r=(\d+)/.exec(seen)?.[1]) < 20,
  );
  await second.send(50, '/private', annAt(second));
  await eventually(
    async () => (await first.send(1, '/private', annAt(first)))[0],
    (status) => status === 429,
  );

  const keys = (await redis.command('KEYS', '*')) as string[];
  t.equal(keys.length, 1);
  t.match(keys[0], /^gatehouse:limit:[\w-]{22}$/);
  t.notMatch(JSON.stringify([keys, await redis.command('GET', keys[0] ?? '')]), /ann|example/);
  const ttlMs = Number(await redis.command('PTTL', keys[0] ?? ''));
  t.ok(ttlMs > 3_000_000 && ttlMs <= 5_400_000, `it goes on its own when it has run out: ${ttlMs} ms`);
  t.equal(await first.metric('gatehouse_rate_limit_shared'), '1');
});

t.test('Redis dies, freezes and comes back: no request fails for it', needsRedis, async (t) => {
  const { redis, gateways, reach } = await limitedGateways(t, { requests: 1000, per: '1h', by: 'address' });
  const statuses: number[] = [];
  let isOver = false;
  const clients = gateways.map(async ({ send }) => {
    while (!isOver) statuses.push(...(await send(10)));
  });
  const [first] = gateways;
  await first.send(10);
  await redis.kill();
  await reach('alone');
  t.match(await first.ready(), { ready: true, rate_limits: { state: 'alone' } });
  t.equal(await first.metric('gatehouse_rate_limit_shared'), '0');
  await redis.start();
  await reach('shared');
  redis.pause();
  await reach('alone');
  redis.resume();
  await reach('shared');
  isOver = true;
  await Promise.all(clients);
  t.strictSame(
    [...new Set(statuses)].filter((status) => status !== 200 && status !== 429),
    [],
  );
  const said = first.logs.filter((line) => line.includes('rate limits are'));
  t.equal(said.filter((line) => line.includes('alone')).length, 2, 'once for each time');
  t.equal(said.filter((line) => line.includes('shared again')).length, 2);
});
