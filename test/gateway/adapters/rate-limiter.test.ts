import t from 'tap';
import { RateLimitCells } from '../../../gateway/adapters/rate-limit-cells.js';
import { createRateLimiter } from '../../../gateway/adapters/rate-limiter.js';
import type { RateLimit } from '../../../gateway/pipeline/route.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

function limitOf(changes: Partial<RateLimit> = {}): RateLimit {
  const given = { name: 'api', requests: 10, perMs: 1000, by: 'subject' as const, shared: false, ...changes };
  const burst = changes.burst ?? given.requests;
  return { ...given, burst, id: `${given.name} ${given.requests}/${given.perMs}/${burst}` };
}

function start(cells = new RateLimitCells()) {
  const clock = fakeClock();
  const limiter = createRateLimiter({ cells, clock, onShared: () => undefined });
  const take = (key: string, limits: RateLimit[], cost = 1) =>
    limiter.take(
      limits.map((limit) => ({ limit, key })),
      cost,
    );
  const admitted = (key: string, limits: RateLimit[], times: number, cost = 1) =>
    Array.from({ length: times }, () => take(key, limits, cost)).filter((taken) => taken.admitted).length;
  return { clock, cells, take, admitted };
}

t.test('the burst passes at once, then the rate holds to the request', async (t) => {
  const { clock, admitted } = start();
  const limit = limitOf({ requests: 7, perMs: 1000, burst: 3 });
  t.equal(admitted('a', [limit], 20), 3);
  t.equal(admitted('b', [limit], 20), 3, 'each by themselves');
  let passed = 0;
  for (let ms = 0; ms < 60_000; ms += 10) {
    await clock.advance(10);
    passed += admitted('a', [limit], 2);
  }
  t.equal(passed, 420, '7 a second for a minute');
});

t.test('a wall clock that jumps changes nothing', async (t) => {
  const { clock, admitted } = start();
  admitted('a', [limitOf()], 10);
  for (const ms of [86_400_000, -2 * 86_400_000]) {
    clock.jumpWallClock(ms);
    t.equal(admitted('a', [limitOf()], 5), 0);
  }
  await clock.advance(100);
  t.equal(admitted('a', [limitOf()], 5), 1);
});

t.test('what is left, and when there is more', async (t) => {
  const { clock, take } = start();
  const limit = limitOf({ requests: 10, perMs: 10_000, burst: 4 });
  t.match(take('a', [limit], 3), {
    admitted: true,
    standings: [{ available: 1, nextInMs: 2000, fullInMs: 3000 }],
  });
  t.match(take('a', [limit], 1), {
    admitted: true,
    standings: [{ available: 0, nextInMs: 1000, fullInMs: 4000 }],
  });
  t.match(take('a', [limit], 2), { admitted: false, standings: [{ available: 0, nextInMs: 2000 }] });
  await clock.advance(2000);
  t.match(take('a', [limit], 2), { admitted: true, standings: [{ available: 0 }] });
});

t.test('of several limits one that is full keeps the request out of all of them', async (t) => {
  const { clock, take, admitted } = start();
  const second = limitOf({ name: 'second', requests: 2, perMs: 1000 });
  const minute = limitOf({ name: 'minute', requests: 5, perMs: 60_000 });
  t.equal(admitted('a', [second, minute], 50), 2, 'no more in a second');
  await clock.advance(1000);
  t.equal(admitted('a', [second, minute], 50), 2);
  t.match(
    take('a', [minute]).standings,
    [{ available: 0 }],
    'the refused ones have used nothing of the minute',
  );
  await clock.advance(1000);
  t.equal(admitted('a', [second, minute], 50), 0);
  t.equal(admitted('a', [second], 50), 2, 'and nothing of the second');
});

t.test('a flood of callers: memory is bounded, and whoever owes much stays remembered', async (t) => {
  const cells = new RateLimitCells(1000);
  const { clock, admitted } = start(cells);
  const limit = limitOf({ requests: 10, perMs: 60_000 });
  for (let i = 0; i < 20_000; i++) {
    if (i < 200 && i % 10 === 0) t.equal(admitted(`heavy ${i}`, [limit], 20), 10);
    admitted(`flood ${i}`, [limit], 1);
  }
  t.equal(cells.size, 1000);
  t.equal(cells.forgotten, 19_020);
  for (let i = 0; i < 200; i += 10) t.equal(admitted(`heavy ${i}`, [limit], 20), 0, `heavy ${i}`);
  t.equal(admitted('newcomer', [limit], 20), 10, 'nobody is refused for want of memory');
  await clock.advance(60_001);
  for (let i = 0; i < 1000; i++) admitted(`later ${i}`, [limit], 1);
  t.equal(cells.forgotten, 19_021, 'what has run out makes room before anybody is forgotten');
});

t.test('what has run out goes, a little with each newcomer', async (t) => {
  const cells = new RateLimitCells();
  const { clock, admitted } = start(cells);
  for (let i = 0; i < 10_000; i++) admitted(`old ${i}`, [limitOf()], 1);
  await clock.advance(1000);
  for (let i = 0; i < 10_000; i++) admitted(`new ${i}`, [limitOf()], 1);
  t.equal(cells.size, 10_000, 'the old ones have gone, and nobody has looked at all of them');
});
