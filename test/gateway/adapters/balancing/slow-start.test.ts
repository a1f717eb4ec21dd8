import t, { type Test } from 'tap';
import type { UpstreamSpec } from '../../../../gateway/adapters/balancing/upstream-spec.js';
import { RETIRE_AFTER_MS } from '../../../../gateway/adapters/upstream-connections.js';
import { eventually } from '../../../fixtures/eventually.js';
import { fakeClock } from '../../../fixtures/fake-clock.js';
import { startTargets, type TestTarget } from '../../../fixtures/targets.js';
import { connectUpstream } from '../../../fixtures/test-upstream.js';

const ASKED = 300;

async function start(t: Test, settings: Partial<UpstreamSpec> = {}) {
  const targets = (await startTargets(t, ['a', 'b'])) as [TestTarget, TestTarget];
  const [a, b] = targets;
  const clock = fakeClock();
  const only = (...some: TestTarget[]) => ({ targets: some.map(({ url }) => ({ url, weight: 1 })) });
  const upstream = await connectUpstream(t, targets, clock, {
    slowStartMs: 10_000,
    outliers: { failures: 1, ejectMs: 1000 },
    ...settings,
  });
  /** Of the requests from now on, how many of a hundred go to it. */
  const shareOf = async ({ name }: TestTarget): Promise<number> => {
    let count = 0;
    for (let i = 0; i < ASKED; i++) if ((await upstream.ask()) === name) count += 1;
    return (100 * count) / ASKED;
  };
  return { ...upstream, a, b, clock, only, shareOf };
}

const isNear = (t: Test, is: number, wanted: number): void =>
  void t.ok(Math.abs(is - wanted) < 7, `${is} %, wanted ${wanted} %`);

for (const balance of ['least_requests', 'round_robin'] as const)
  t.test(`${balance}: a target that returns from ejection gets its share little by little`, async (t) => {
    const { a, ask, shareOf, clock } = await start(t, { balance });
    isNear(t, await shareOf(a), 50);
    a.conduct = 503;
    for (let i = 0; i < 20; i++) await ask();
    a.conduct = 'answer';
    await clock.advance(1000);
    t.equal(await ask(), 'a', 'its trial');
    isNear(t, await shareOf(a), 100 * (0.1 / 1.1));
    await clock.advance(5000);
    isNear(t, await shareOf(a), 100 * (0.55 / 1.55));
    await clock.advance(5000);
    isNear(t, await shareOf(a), 50);
  });

t.test('a target that passes its health checks again eases in', async (t) => {
  const health = { path: '/health', intervalMs: 1000, timeoutMs: 1000, healthy: 1, unhealthy: 1 };
  const { a, shareOf, clock, connections } = await start(t, {
    health,
    outliers: { failures: 0, ejectMs: 0 },
  });
  const reach = (isHealthy: boolean): Promise<unknown> =>
    eventually(
      async () => {
        await clock.advance(300);
        return connections.upstreams()[0]?.targets.all.find(({ url }) => url === a.url)?.healthy;
      },
      (healthy) => healthy === isHealthy,
    );
  a.conduct = 500;
  await reach(false);
  a.conduct = 'answer';
  await reach(true);
  isNear(t, await shareOf(a), 100 * (0.1 / 1.1));
});

t.test('with hash a target gets its callers back little by little, and they stay', async (t) => {
  const { a, ask, clock } = await start(t, { balance: 'hash', hashOn: 'subject' });
  const places = async (): Promise<boolean[]> => {
    const found: boolean[] = [];
    for (let i = 0; i < 100; i++) found.push((await ask({ callerKey: () => `user-${i}` })) === a.name);
    return found;
  };
  const count = (found: boolean[]): number => found.filter(Boolean).length;
  const before = await places();
  a.conduct = 503;
  await places();
  a.conduct = 'answer';
  await clock.advance(1000);
  await places();
  const early = await places();
  t.ok(count(early) < 20, String(count(early)));
  await clock.advance(5000);
  const later = await places();
  t.ok(count(later) > count(early) && count(later) < count(before), String(count(later)));
  t.ok(early.every((isAt, index) => !isAt || later[index] === true));
  await clock.advance(5000);
  t.strictSame(await places(), before);
});

t.test('a target that a reload adds eases in, and those that were there do not', async (t) => {
  const { a, b, only, change, shareOf, clock } = await start(t);
  await change(only(a));
  await clock.advance(RETIRE_AFTER_MS);
  await change(only(a, b));
  isNear(t, await shareOf(b), 100 * (0.1 / 1.1));
  await clock.advance(10_000);
  isNear(t, await shareOf(b), 50);
});

t.test('an address that DNS adds eases in; the first ones do not', async (t) => {
  const { LOCAL, more, test } = await named(t);
  isNear(t, await test.shareOf(LOCAL[0]), 100);
  more();
  await test.refresh();
  isNear(t, await test.shareOf(LOCAL[1]), 100 * (0.1 / 1.1));
});

async function named(t: Test) {
  const [one] = (await startTargets(t, ['one'], { host: '127.0.0.1' })) as [TestTarget];
  const { port } = new URL(one.url);
  const clock = fakeClock();
  let addresses = ['127.0.0.1'];
  const url = `https://app.test:${port}`;
  const upstream = await connectUpstream(
    t,
    [{ url }],
    clock,
    { slowStartMs: 10_000, outliers: { failures: 0, ejectMs: 0 } },
    { lookup: async () => addresses },
  );
  await clock.advance(0);
  const seen = (): { address: string | undefined; weight: number }[] =>
    upstream.connections.upstreams().flatMap(({ targets }) => [...targets.all]);
  const shareOf = async (address: string): Promise<number> => {
    const [chosen] = upstream.connections.upstreams();
    let count = 0;
    for (let i = 0; i < ASKED; i++) if (chosen?.targets.next(false, 0)?.address === address) count += 1;
    return (100 * count) / ASKED;
  };
  t.equal(seen().length, 1);
  return {
    LOCAL: ['127.0.0.1', '127.0.0.2'] as const,
    more: () => {
      addresses = ['127.0.0.1', '127.0.0.2'];
    },
    test: { shareOf, refresh: () => clock.advance(30_000) },
  };
}
