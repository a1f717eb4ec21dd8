import { Readable } from 'node:stream';
import t from 'tap';
import { fakeClock } from '../../../fixtures/fake-clock.js';
import { startTargets } from '../../../fixtures/targets.js';
import { connectUpstream, tally } from '../../../fixtures/test-upstream.js';

t.test('a target that hangs up: what is safe to repeat goes to another one, a POST does not', async (t) => {
  const [bad, good] = await startTargets(t, ['bad', 'good']);
  if (bad === undefined || good === undefined) throw new Error('no targets');
  bad.conduct = 'reset';
  const { askMany } = await connectUpstream(t, [bad, good], fakeClock(), {
    balance: 'round_robin',
    outliers: { failures: 0, ejectMs: 1000 },
  });
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    const answers = tally(await askMany(4, { method }));
    t.strictSame(answers, { [method === 'HEAD' ? '' : 'good']: 4 }, method);
  }
  bad.seen.length = good.seen.length = 0;
  t.strictSame(tally(await askMany(4, { method: 'POST' })), { good: 2, UND_ERR_SOCKET: 2 });
  t.strictSame(tally(await askMany(4, { method: 'PATCH' })), { good: 2, UND_ERR_SOCKET: 2 });
  t.equal(bad.seen.length + good.seen.length, 8, 'each was sent once');
});

t.test('without retries nothing is repeated', async (t) => {
  const [bad, good] = await startTargets(t, ['bad', 'good']);
  if (bad === undefined || good === undefined) throw new Error('no targets');
  bad.conduct = 'reset';
  const { askMany } = await connectUpstream(t, [bad, good], fakeClock(), { balance: 'round_robin' });
  t.strictSame(tally(await askMany(4, { retries: 0 })), { good: 2, UND_ERR_SOCKET: 2 });
});

t.test('a connection that is refused is passed over, whatever the method and however often', async (t) => {
  const targets = await startTargets(t, ['a', 'b', 'c', 'good']);
  for (const target of targets.slice(0, 3)) await target.die();
  const { askMany } = await connectUpstream(t, targets, fakeClock(), {
    balance: 'round_robin',
    outliers: { failures: 0, ejectMs: 1000 },
    retryBudget: { ratio: 0, perSecond: 0 },
  });
  const body = () => Readable.from(['x'], { objectMode: false });
  t.strictSame(tally(await askMany(4, { method: 'POST', retries: 0 })), { good: 4 });
  t.strictSame(
    tally([
      ...(await askMany(1, { method: 'POST', body: body() })),
      ...(await askMany(1, { method: 'POST', body: body() })),
    ]),
    { good: 2 },
    'its body has not been touched',
  );
});

t.test('all targets down: the error, after each was tried once', async (t) => {
  const targets = await startTargets(t, ['a', 'b']);
  for (const target of targets) await target.die();
  const { askMany } = await connectUpstream(t, targets, fakeClock());
  t.strictSame(await askMany(1), ['ECONNREFUSED']);
});

t.test('retries end with their budget', async (t) => {
  const [bad, good] = await startTargets(t, ['bad', 'good']);
  if (bad === undefined || good === undefined) throw new Error('no targets');
  bad.conduct = 'reset';
  const { askMany } = await connectUpstream(t, [bad, good], fakeClock(), {
    balance: 'round_robin',
    outliers: { failures: 0, ejectMs: 1000 },
    retryBudget: { ratio: 0.1, perSecond: 0 },
  });
  t.strictSame(tally(await askMany(100)), { good: 60, UND_ERR_SOCKET: 40 }, 'a tenth of 100');
});

t.test('nothing is repeated once the response has begun', async (t) => {
  const [bad, good] = await startTargets(t, ['bad', 'good']);
  if (bad === undefined || good === undefined) throw new Error('no targets');
  bad.conduct = (_request, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  };
  const { askMany } = await connectUpstream(t, [bad, good], fakeClock(), { balance: 'round_robin' });
  t.strictSame(tally(await askMany(4)), { good: 2, UND_ERR_SOCKET: 2 });
  t.strictSame([bad.seen.length, good.seen.length], [2, 2]);
});

t.test('an answer is an answer: a 503 is not asked for again', async (t) => {
  const [one, two] = await startTargets(t, ['one', 'two']);
  if (one === undefined || two === undefined) throw new Error('no targets');
  one.conduct = two.conduct = 503;
  const { askMany } = await connectUpstream(t, [one, two], fakeClock());
  t.strictSame(tally(await askMany(4)), { 503: 4 });
  t.equal(one.seen.length + two.seen.length, 4);
});

t.test('try_timeout: a target that does not begin its answer is left for another one', async (t) => {
  const [slow, good] = await startTargets(t, ['slow', 'good']);
  if (slow === undefined || good === undefined) throw new Error('no targets');
  slow.conduct = 'stall';
  const clock = fakeClock();
  const { askMany } = await connectUpstream(t, [slow, good], clock, { balance: 'round_robin' });
  const asked = askMany(2, { tryTimeoutMs: 500 });
  while (slow.held < 1) await clock.advance(0);
  await clock.advance(499);
  t.equal(slow.held, 1);
  await clock.advance(1);
  t.strictSame(await asked, ['good', 'good']);
  t.equal(clock.pendingTimers, 1, 'nothing left behind but the look at the silent');
});
