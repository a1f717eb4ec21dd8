import { once } from 'node:events';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { gatewayWithTargets } from '../fixtures/gateway-with-targets.js';
import { rawRequest } from '../fixtures/raw-http.js';
import type { TestTarget } from '../fixtures/targets.js';

const SUBJECTS = Array.from({ length: 10 }, (_, index) => `user-${index}`);

async function start(t: Test, upstream: object, { auth = 'caller', trusted = [] as string[] } = {}) {
  const clock = fakeClock(Date.now());
  const test = await gatewayWithTargets(t, ['a', 'b', 'c'], {
    upstream: { balance: 'hash', outliers: { failures: 1, eject: '1s' }, ...upstream },
    route: { auth },
    config: { listen: { host: '127.0.0.1', port: 0, trusted_proxies: trusted } },
    deps: { clock },
  });
  const bearer = (sub: string): string => `Bearer ${test.token({ sub })}`;
  const ask = (sub: string) => rawRequest(test.url, 'GET', '/x', [`Authorization: ${bearer(sub)}`]);
  const places = async (subjects = SUBJECTS): Promise<string[]> => {
    const found: string[] = [];
    for (const sub of subjects) found.push((await ask(sub)).body);
    return found;
  };
  if (auth === 'caller')
    await eventually(
      () => ask('user-0'),
      ({ status }) => status === 200,
    );
  return { ...test, clock, bearer, places };
}

t.test('a subject keeps to its target, moves when that one is left out, and comes back', async (t) => {
  const test = await start(t, {});
  const { places, targets, clock } = test;
  const before = await places();
  t.ok(new Set(before).size > 1, 'they do not all go to one');
  t.strictSame(await places(), before);
  const ill = targets.find(({ name }) => name === before[0]) as TestTarget;
  ill.conduct = 503;
  await places(SUBJECTS.slice(0, 1));
  const without = await places();
  t.notOk(without.includes(ill.name));
  t.strictSame(
    without.filter((_, index) => before[index] !== ill.name),
    before.filter((name) => name !== ill.name),
    'nobody else moves',
  );
  ill.conduct = 'answer';
  await clock.advance(1000);
  t.strictSame(await places(), before);
  t.notOk(
    test.logs.some((line) => line.includes('user-')),
    'no log names a caller',
  );
});

t.test('a WebSocket goes where the other requests of its subject go', async (t) => {
  const { places, targets, url, bearer } = await start(t, { outliers: false });
  for (const { server, name } of targets) {
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.send(name));
    t.teardown(() => sockets.close());
  }
  const open = async (sub: string): Promise<string> => {
    const client = new WebSocket(`${url.replace('http', 'ws')}/x`, {
      headers: { authorization: bearer(sub) },
    });
    const [message] = (await once(client, 'message')) as [Buffer];
    client.terminate();
    return String(message);
  };
  const all = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const sub of SUBJECTS) found.push(await open(sub));
    return found;
  };
  t.strictSame(await all(), await places());
  await targets[0]?.die();
  t.strictSame(await all(), await places(), 'and where they go when their target is not there');
});

for (const [title, upstream, auth] of [
  ['an anonymous caller keeps to the target of its address', {}, 'public'],
  ['with `hash_on: address` subjects make no difference', { hash_on: 'address' }, 'caller'],
] as const)
  t.test(title, async (t) => {
    const { url, bearer } = await start(t, upstream, { auth, trusted: ['127.0.0.1'] });
    const from = async (address: string, index: number): Promise<string> => {
      const headers = [`X-Forwarded-For: ${address}`];
      if (auth === 'caller') headers.push(`Authorization: ${bearer(`user-${index}`)}`);
      return (await rawRequest(url, 'GET', '/x', headers)).body;
    };
    const places = new Set<string>();
    for (let i = 0; i < 8; i++) {
      const address = `192.0.2.${i}`;
      const [one, two] = [await from(address, i), await from(address, i + 1)];
      t.equal(two, one, address);
      places.add(one);
    }
    t.ok(places.size > 1, 'other addresses go elsewhere');
  });
