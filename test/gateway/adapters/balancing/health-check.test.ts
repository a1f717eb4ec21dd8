import type { IncomingMessage, ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import type { UpstreamSpec } from '../../../../gateway/adapters/balancing/upstream-spec.js';
import { eventually } from '../../../fixtures/eventually.js';
import { fakeClock } from '../../../fixtures/fake-clock.js';
import { startTargets, type TestTarget } from '../../../fixtures/targets.js';
import { connectUpstream, tally } from '../../../fixtures/test-upstream.js';

const HEALTH = { path: '/health', intervalMs: 5000, timeoutMs: 2000, healthy: 2, unhealthy: 3 };

const checksOf = ({ seen }: TestTarget): number => seen.filter((line) => line === 'GET /health').length;

async function start(t: Test, settings: Partial<UpstreamSpec> = {}) {
  const targets = await startTargets(t, ['a', 'b']);
  const [a, b] = targets;
  if (a === undefined || b === undefined) throw new Error('no targets');
  const clock = fakeClock();
  const upstream = await connectUpstream(t, targets, clock, {
    balance: 'round_robin',
    health: HEALTH,
    ...settings,
  });
  /** Lets the next checks of both targets happen. */
  const check = async (): Promise<void> => {
    const before = clock.pendingTimers;
    await clock.advance(6000);
    await eventually(
      async () => clock.pendingTimers,
      (timers) => timers <= before,
    );
  };
  await eventually(
    async () => checksOf(a) + checksOf(b),
    (checks) => checks === 2,
  );
  await eventually(
    async () => clock.pendingTimers,
    (timers) => timers === 3,
  );
  return { ...upstream, a, b, clock, check };
}

t.test(
  'a target whose checks fail three times in a row gets no requests, until two in a row are good',
  async (t) => {
    const { a, askMany, check } = await start(t);
    const ill = (request: IncomingMessage, response: ServerResponse): void => {
      if (request.url === '/health') response.writeHead(500);
      response.end('a');
    };
    a.conduct = ill;
    await check();
    await check();
    t.strictSame(tally(await askMany(4)), { a: 2, b: 2 }, 'twice is not enough');
    await check();
    t.strictSame(tally(await askMany(4)), { b: 4 });
    a.conduct = 'answer';
    await check();
    t.strictSame(tally(await askMany(4)), { b: 4 }, 'one good answer is not enough');
    await check();
    t.strictSame(tally(await askMany(4)), { a: 2, b: 2 });
  },
);

t.test('no answer in time is a failure; when nobody is well, everybody is tried', async (t) => {
  const { a, b, askMany, clock, check } = await start(t);
  const silent = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url !== '/health') response.end('still there');
  };
  const timeOut = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) {
      await clock.advance(6000);
      await check();
    }
  };
  a.conduct = silent;
  await timeOut();
  t.strictSame(tally(await askMany(4)), { b: 4 });
  b.conduct = silent;
  await timeOut();
  t.strictSame(tally(await askMany(4)), { 'still there': 4 });
});

t.test('a check comes over a verified connection, as nobody in particular', async (t) => {
  const headers: unknown[] = [];
  const { a, check } = await start(t);
  a.conduct = (request, response) => {
    headers.push(request.headers);
    response.end();
  };
  await check();
  t.match(headers, [
    { 'x-identity-version': '1', 'x-identity-kind': 'anonymous', host: 'app.upstream.invalid' },
  ]);
});

t.test('checks end with the upstream', async (t) => {
  const { connections, clock } = await start(t);
  await connections.close();
  t.equal(clock.pendingTimers, 0);
});
