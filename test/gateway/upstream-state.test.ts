import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { ReadinessReport, UpstreamReadiness } from '../../contracts/admin-api.js';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { type GatewayWithTargets, gatewayWithTargets } from '../fixtures/gateway-with-targets.js';
import { rawRequest } from '../fixtures/raw-http.js';
import type { TestTarget } from '../fixtures/targets.js';

async function start(t: Test, names: string[], upstream: object) {
  const clock = fakeClock();
  const test = await gatewayWithTargets(t, names, { upstream, deps: { clock } });
  const [first] = test.targets;
  if (first === undefined) throw new Error('no target');
  const ask = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await rawRequest(test.url, 'GET', '/x');
  };
  return { ...test, clock, first, ask };
}

async function ready({ gateway }: GatewayWithTargets): Promise<UpstreamReadiness | undefined> {
  const report = (await (await fetch(`${gateway.adminUrl}/ready`)).json()) as ReadinessReport;
  return report.upstreams['several'];
}

/** Values of the upstream's metrics by the rest of their names and labels, those that are 0 left out. */
async function metrics({ gateway, targets }: GatewayWithTargets): Promise<Record<string, number>> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const found: Record<string, number> = {};
  for (const [, name = '', labels = '', value] of text.matchAll(
    /^gatehouse_upstream_(\w+)\{(.*)\} (.*)$/gm,
  )) {
    if (name.startsWith('duration') || !labels.includes('upstream="several"') || Number(value) === 0)
      continue;
    const label = /(?:target|state|result)="([^"]*)"/.exec(labels)?.[1] ?? '';
    const target = targets.find(({ url }) => new URL(url).host === label);
    found[`${name} ${target?.name ?? label}`.trim()] = Number(value);
  }
  return found;
}

const logged = ({ logs }: GatewayWithTargets, message: string): object[] =>
  logs.map((line) => JSON.parse(line) as { msg: string }).filter(({ msg }) => msg === message);

const hostOf = ({ url }: TestTarget): string => new URL(url).host;

t.test(
  'a target that is left out shows in metrics, in /ready and in the log, and so does its return',
  async (t) => {
    const test = await start(t, ['bad', 'b', 'c'], { outliers: { failures: 5, eject: '30s' } });
    const { first, ask, clock } = test;
    first.conduct = 503;
    await ask(15);
    t.match(await metrics(test), {
      'targets in': 2,
      'targets ejected': 1,
      'target_available bad': undefined,
      'target_available b': 1,
      'target_failures_total bad': 5,
      ejections_total: 1,
    });
    t.strictSame(await ready(test), { targets: 3, available: 2, circuit: null });
    t.match(logged(test, 'a target is left out: it failed too often in a row'), [
      { level: 40, upstream: 'several', host: hostOf(first) },
    ]);
    await clock.advance(30_000);
    t.match(await metrics(test), { 'targets returning': 1 });
    first.conduct = 'answer';
    await ask(1);
    t.match(await metrics(test), { 'targets in': 3, 'target_available bad': 1 });
    t.match(logged(test, 'a target takes requests again'), [{ upstream: 'several', host: hostOf(first) }]);
    t.strictSame(await ready(test), { targets: 3, available: 3, circuit: null });
  },
);

t.test('retries, what was passed over, and a budget that is used up are counted', async (t) => {
  const test = await start(t, ['bad', 'good'], { retry_budget: { percent: 0, per_second: 0 } });
  test.first.conduct = 'reset';
  await test.ask(4);
  t.match(await metrics(test), { 'retries_total over_budget': 2, 'retries_total sent': undefined });
  await test.first.die();
  await test.ask(4);
  t.match(await metrics(test), { 'retries_total passed_over': 2 });
  const within = await start(t, ['bad', 'good'], {});
  within.first.conduct = 'reset';
  await within.ask(4);
  t.match(await metrics(within), { 'retries_total sent': 2, 'retries_total over_budget': undefined });
});

t.test('a circuit that opens shows in metrics, in /ready and in the log', async (t) => {
  const test = await start(t, ['only'], { circuit_breaker: { min_requests: 4, open: '10s' } });
  const { first, ask, clock } = test;
  t.strictSame(await ready(test), { targets: 1, available: 1, circuit: 'closed' });
  first.conduct = 503;
  await ask(6);
  t.match(await metrics(test), { circuit_open: 1, circuit_opened_total: 1 });
  t.match(await ready(test), { circuit: 'open' });
  t.equal(logged(test, 'an upstream is not asked for a while: most of its requests fail').length, 1);
  await clock.advance(10_000);
  t.match(await ready(test), { circuit: 'half_open' });
  first.conduct = 'answer';
  await ask(1);
  t.match(await metrics(test), { circuit_open: undefined, circuit_opened_total: 1 });
  t.equal(logged(test, 'an upstream is asked again').length, 1);
});

t.test('requests under way and in line are counted', async (t) => {
  const test = await start(t, ['only'], { concurrency: { max: 1, queue: 1, queue_timeout: '30s' } });
  test.first.conduct = 'stall';
  const asked = [1, 2].map(() => rawRequest(test.url, 'GET', '/x').catch(() => undefined));
  await eventually(
    () => metrics(test),
    (seen) => seen['target_open_requests only'] === 1 && seen['waiting_requests'] === 1,
  );
  await test.first.die();
  await Promise.all(asked);
  t.match(await metrics(test), { 'target_open_requests only': undefined, waiting_requests: undefined });
});

t.test(
  'health checks are counted; an upstream without a healthy target leaves the gateway ready',
  async (t) => {
    const test = await start(t, ['only'], { health: { path: '/health', unhealthy: 1, healthy: 1 } });
    const { first, clock, gateway } = test;
    const status = async (): Promise<number> => (await fetch(`${gateway.adminUrl}/ready`)).status;
    await eventually(status, (code) => code === 200);
    const reach = async (available: number): Promise<void> => {
      await eventually(
        async () => {
          await clock.advance(3000);
          return ready(test);
        },
        (report) => report?.available === available,
      );
    };
    first.conduct = 500;
    await reach(0);
    t.match(await metrics(test), { 'targets unhealthy': 1, 'target_available only': undefined });
    t.ok((await metrics(test))['health_checks_total bad']);
    t.equal(await status(), 200);
    t.equal(logged(test, 'a target is left out: it fails its health checks').length, 1);
    first.conduct = 'answer';
    t.equal(
      (await rawRequest(test.url, 'GET', '/x')).body,
      'only',
      'when nobody is well, everybody is tried',
    );
    await reach(1);
    t.equal(logged(test, 'a target passes its health checks again').length, 1);
  },
);

t.test('a reload that changes an upstream goes on counting', async (t) => {
  const test = await start(t, ['bad', 'b'], { outliers: { failures: 5 } });
  test.first.conduct = 503;
  await test.ask(10);
  writeFileSync(test.configFile, test.configWith(test.upstreamWith({ dns_refresh: '20s' })));
  t.match(await test.gateway.reload('admin'), { result: 'applied' });
  t.match(await metrics(test), { ejections_total: 1, 'target_failures_total bad': 5, 'targets in': 2 });
});
