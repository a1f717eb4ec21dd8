import t from 'tap';
import { RateLimitCells } from '../../../gateway/adapters/rate-limit-cells.js';
import { createRateLimiter } from '../../../gateway/adapters/rate-limiter.js';
import { SharedLimits } from '../../../gateway/adapters/shared-limits.js';
import { createLimitBook } from '../../../gateway/cluster/limit-book.js';
import { createLogger } from '../../../kit/logger.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

const told = (changes: object = {}) => ({
  ...{ key: 'k', addedMs: 0, agoMs: 0, knownMs: 0, merge: false },
  ...changes,
});

t.test('what is added is owed by all, and paid back as time goes by', async (t) => {
  const clock = fakeClock();
  const book = createLimitBook(clock);
  t.strictSame(await book.tell([told({ addedMs: 100 })]), [100]);
  t.strictSame(await book.tell([told({ addedMs: 50 })]), [150]);
  await clock.advance(120);
  t.strictSame(await book.tell([told()]), [30]);
  t.strictSame(await book.tell([told({ key: 'other' })]), [0]);
});

t.test('what was let through a while ago has been paid back since', async (t) => {
  const book = createLimitBook(fakeClock());
  t.strictSame(await book.tell([told({ addedMs: 100, agoMs: 40, knownMs: -40 })]), [60]);
});

t.test('what was counted alone is merged, not added', async (t) => {
  const book = createLimitBook(fakeClock());
  await book.tell([told({ addedMs: 100 })]);
  t.strictSame(await book.tell([told({ knownMs: 80, merge: true })]), [100]);
  t.strictSame(await book.tell([told({ knownMs: 300, merge: true })]), [300]);
});

t.test('when there is no room, who was counted longest ago is forgotten', async (t) => {
  const book = createLimitBook(fakeClock(), 2);
  for (const key of ['a', 'b', 'c']) await book.tell([told({ key, addedMs: 10 })]);
  t.strictSame(await book.tell(['c', 'a'].map((key) => told({ key }))), [10, 0]);
});

t.test('two workers let through a burst together, and every limit counts', async (t) => {
  const clock = fakeClock();
  const logger = createLogger('test', { level: 'silent' });
  const book = createLimitBook(clock);
  const limit = { id: 'l', requests: 10, perMs: 3_600_000, burst: 10, shared: false, by: 'address' } as const;
  const workers = [1, 2].map(() => {
    const connect = async () => ({ ...book, close: () => undefined });
    const among = new SharedLimits({ connect, clock, logger });
    among.start();
    t.teardown(() => among.stop());
    const onShared: Parameters<typeof createRateLimiter>[0]['onShared'] = (cell, ms) => among.note(cell, ms);
    const limiter = createRateLimiter({ cells: new RateLimitCells(), clock, together: true, onShared });
    return () => limiter.take([{ limit, key: 'caller' }] as never, 1).admitted;
  });
  const settle = async (): Promise<void> => {
    for (let step = 0; step < 20; step++) {
      await new Promise((next) => setImmediate(next));
      await clock.advance(1);
    }
  };
  await settle();
  let passed = 0;
  for (let round = 0; round < 12; round++) {
    for (const take of workers) if (take()) passed += 1;
    await settle();
  }
  t.ok(passed >= 10 && passed <= 12, `${passed} of 10`);
});
