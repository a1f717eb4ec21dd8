import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { GATEWAY_SPIFFE_ID } from '../../contracts/spiffe.js';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { gatewayWithTargets } from '../fixtures/gateway-with-targets.js';
import { testPki } from '../fixtures/pki.js';
import { rawRequest } from '../fixtures/raw-http.js';
import { startTargets, type TestTarget } from '../fixtures/targets.js';
import { tally } from '../fixtures/test-upstream.js';

const is = (what: () => number, wanted: number): Promise<unknown> =>
  eventually(
    async () => what(),
    (value) => value === wanted,
  );

async function bodies(url: string, times: number): Promise<Record<string, number>> {
  const seen: string[] = [];
  for (let i = 0; i < times; i++) seen.push((await rawRequest(url, 'GET', '/x')).body);
  return tally(seen);
}

t.test('a reload that changes weights alone keeps every connection', async (t) => {
  const [stable, canary] = (await startTargets(t, ['stable', 'canary'])) as [TestTarget, TestTarget];
  const weighted = (weight: number) => ({
    targets: [
      { url: stable.url, weight: 3 },
      { url: canary.url, weight },
    ],
  });
  const upstream = { ...weighted(1), connections: { warm: 0, idle: '60s' } };
  const test = await gatewayWithTargets(t, [], { upstream });
  t.strictSame(await bodies(test.url, 8), { stable: 6, canary: 2 });
  const handshakes = (): number[] => [stable.handshakes, canary.handshakes];
  const before = handshakes();
  for (const [weight, wanted] of [
    [3, { stable: 4, canary: 4 }],
    [0, { stable: 8 }],
  ] as const) {
    writeFileSync(test.configFile, test.configWith(test.upstreamWith(weighted(weight))));
    t.match(await test.gateway.reload('admin'), { result: 'applied' });
    t.strictSame(await bodies(test.url, 8), wanted);
  }
  t.strictSame(handshakes(), before);
});

t.test('connections are made ahead, and the first requests take them', async (t) => {
  const upstream = { connections: { warm: 2, idle: '60s' } };
  const test = await gatewayWithTargets(t, ['a', 'b'], { upstream });
  const [a, b] = test.targets as [TestTarget, TestTarget];
  await is(() => a.handshakes + b.handshakes, 4);
  t.strictSame([a.seen.length, b.seen.length], [0, 0]);
  t.strictSame(await bodies(test.url, 8), { a: 4, b: 4 });
  t.strictSame([a.handshakes, b.handshakes], [2, 2]);
});

t.test(
  'another certificate: new requests show it at once, those under way end whole on the old one',
  async (t) => {
    const clock = fakeClock();
    const upstream = { connections: { warm: 2, idle: '60s' } };
    const test = await gatewayWithTargets(t, ['only'], { upstream, deps: { clock } });
    const [only] = test.targets as [TestTarget];
    await is(() => only.handshakes, 2);
    let end: ServerResponse | undefined;
    only.conduct = (_request, response) => {
      response.write('begun ');
      end = response;
    };
    const underWay = rawRequest(test.url, 'GET', '/x');
    await is(() => Number(end !== undefined), 1);
    only.conduct = (request, response) => {
      response.end((request.socket as TLSSocket).getPeerCertificate().serialNumber);
    };
    const before = (await bodies(test.url, 1)) as Record<string, number>;

    const pki = await testPki();
    const { cert, key } = await pki.leaf('gateway-b', GATEWAY_SPIFFE_ID);
    writeFileSync(join(test.dir, 'key.pem'), key);
    writeFileSync(join(test.dir, 'cert.pem'), cert);
    t.match(await test.gateway.reload('admin'), { result: 'applied' });
    const after = await bodies(test.url, 2);
    t.strictSame(Object.values(after), [2]);
    t.notSame(Object.keys(after), Object.keys(before), 'another certificate');
    await clock.advance(10_000);
    end?.end('and whole');
    t.equal((await underWay).body, 'begun and whole');
    // What is left: two of the new certificate, one of them idle.
    const open = (): Promise<number> =>
      new Promise((resolve) => only.server.getConnections((_error, count) => resolve(count)));
    await eventually(open, (count) => count <= 2);
  },
);

t.test('a gateway that stops leaves no timer behind', async (t) => {
  const clock = fakeClock();
  const upstream = { outliers: { failures: 1 }, health: { path: '/health' }, balance: 'round_robin' };
  const test = await gatewayWithTargets(t, ['bad', 'b'], { upstream, deps: { clock } });
  const [bad] = test.targets as [TestTarget];
  bad.conduct = 503;
  await bodies(test.url, 4);
  writeFileSync(test.configFile, test.configWith(test.upstreamWith({ dns_refresh: '20s' })));
  t.match(await test.gateway.reload('admin'), { result: 'applied' });
  await bodies(test.url, 4);
  await test.gateway.stop();
  // The streams' turns at shutdown; warm connections end with their sockets.
  await clock.advance(1000);
  await is(() => clock.pendingTimers, 0);
  t.equal(clock.pendingTimers, 0);
});
