import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import t from 'tap';
import { WebSocketServer } from 'ws';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { gatewayWithTargets } from '../fixtures/gateway-with-targets.js';
import { answerWebSockets, openWebSocket, rawConnection } from '../fixtures/open-streams.js';
import { type RawReply, rawRequest } from '../fixtures/raw-http.js';
import type { TestTarget } from '../fixtures/targets.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { tally } from '../fixtures/test-upstream.js';

const refusal = ({ status, headers, json }: RawReply) => [status, json()['code'], headers.get('retry-after')];

/** Until so many requests have come to it, answered or not. */
const arrived = (target: TestTarget, count: number): Promise<unknown> =>
  eventually(
    async () => target.seen.length,
    (seen) => seen >= count,
  );

/** Holds each request until it is let go. */
function hold(target: TestTarget): { letGo(): void } {
  const held: ServerResponse[] = [];
  target.conduct = (_request, response) => void held.push(response);
  return {
    letGo: () => {
      target.conduct = 'answer';
      for (const response of held.splice(0)) response.end(target.name);
    },
  };
}

function one([target]: readonly TestTarget[]): TestTarget {
  if (target === undefined) throw new Error('no target');
  return target;
}

t.test('more than `concurrency.max` wait in a line of `queue`; the rest get 503 at once', async (t) => {
  const upstream = { concurrency: { max: 2, queue: 1, queue_timeout: '30s' } };
  const { url, targets } = await gatewayWithTargets(t, ['only'], { upstream });
  const target = one(targets);
  const { letGo } = hold(target);
  const asked = [1, 2, 3].map(() => rawRequest(url, 'GET', '/x'));
  await arrived(target, 2);
  const refused = await Promise.race([...asked, rawRequest(url, 'GET', '/x')]);
  t.strictSame(refusal(refused), [503, 'upstream_busy', '1']);
  t.equal(target.seen.length, 2, 'what waits has not been sent');
  letGo();
  t.strictSame(tally((await Promise.all(asked)).map(({ body }) => body)), { only: 3 });
  t.equal((await rawRequest(url, 'GET', '/x')).status, 200);
});

t.test('whoever waits longer than `queue_timeout` gets 503', async (t) => {
  const upstream = { concurrency: { max: 1, queue: 1, queue_timeout: '100ms' } };
  const { url, targets } = await gatewayWithTargets(t, ['only'], { upstream });
  const target = one(targets);
  const { letGo } = hold(target);
  const first = rawRequest(url, 'GET', '/x');
  await arrived(target, 1);
  t.strictSame(refusal(await rawRequest(url, 'GET', '/x')), [503, 'upstream_busy', '1']);
  letGo();
  t.equal((await first).status, 200);
  t.equal(target.seen.length, 1);
});

t.test('a client that goes away leaves the line, and its place is free', async (t) => {
  const upstream = { concurrency: { max: 1, queue: 1, queue_timeout: '30s' } };
  const { url, targets, gateway } = await gatewayWithTargets(t, ['only'], { upstream });
  const target = one(targets);
  const { letGo } = hold(target);
  const first = rawRequest(url, 'GET', '/x/first');
  await arrived(target, 1);
  const openRequests = async (): Promise<string> =>
    /gatehouse_open_requests (\d+)/.exec(await (await fetch(`${gateway.adminUrl}/metrics`)).text())?.[1] ??
    '';
  const gone = rawConnection(t, url, 'POST /x/gone HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf');
  await eventually(openRequests, (count) => count === '2');
  gone.socket.destroy();
  await eventually(openRequests, (count) => count === '1');
  const next = rawRequest(url, 'GET', '/x/next');
  await eventually(openRequests, (count) => count === '2');
  letGo();
  t.strictSame([(await first).status, (await next).status], [200, 200]);
  t.strictSame(target.seen, ['GET /x/first', 'GET /x/next']);
});

t.test('a deadline counts the time in the line, and ends the wait', async (t) => {
  const upstream = { concurrency: { max: 1, queue: 1, queue_timeout: '30s' } };
  const { url, targets } = await gatewayWithTargets(t, ['only'], { upstream });
  const target = one(targets);
  const { letGo } = hold(target);
  const first = rawRequest(url, 'GET', '/x');
  await arrived(target, 1);
  const second = await rawRequest(url, 'GET', '/x', ['X-Envoy-Expected-Rq-Timeout-Ms: 100']);
  t.strictSame([second.status, second.json()['code']], [504, 'upstream_timeout']);
  letGo();
  t.equal((await first).status, 200);
  t.equal((await rawRequest(url, 'GET', '/x')).status, 200);
  t.equal(target.seen.length, 2, 'the second one was never sent');
});

t.test(
  '`connections.max`: a full target is passed over; when all are full, 503 and no line without end',
  async (t) => {
    const { url, targets } = await gatewayWithTargets(t, ['a', 'b'], {
      upstream: { connections: { max: 2 } },
    });
    const held = targets.map(hold);
    const asked = [1, 2, 3, 4].map(() => rawRequest(url, 'GET', '/x'));
    for (const target of targets) await arrived(target, 2);
    t.strictSame(refusal(await rawRequest(url, 'POST', '/x')), [503, 'upstream_busy', '1']);
    held[0]?.letGo();
    await Promise.race(asked);
    const more = await Promise.all([1, 2, 3, 4].map((i) => rawRequest(url, 'GET', `/x/${i}`)));
    t.strictSame(tally(more.map(({ body }) => body)), { a: 4 }, 'b is passed over, whoever has the turn');
    held[1]?.letGo();
    t.strictSame(tally((await Promise.all(asked)).map(({ body }) => body)), { a: 2, b: 2 });
  },
);

t.test(
  'an upstream most of whose requests fail is not asked for a while; then one request tries',
  async (t) => {
    const clock = fakeClock();
    const upstream = { circuit_breaker: { failures: 50, min_requests: 4, open: '10s' } };
    const { url, targets } = await gatewayWithTargets(t, ['only'], { upstream, deps: { clock } });
    const target = one(targets);
    const ask = (): Promise<RawReply> => rawRequest(url, 'GET', '/x');
    target.conduct = 503;
    for (let i = 0; i < 4; i++)
      t.equal((await ask()).headers.get('retry-after'), undefined, "the upstream's own");
    t.strictSame(refusal(await ask()), [503, 'upstream_unavailable', '10']);
    await clock.advance(9000);
    t.strictSame(refusal(await ask()), [503, 'upstream_unavailable', '1']);
    t.equal(target.seen.length, 4, 'it is not asked');

    await clock.advance(1000);
    t.notOk((await ask()).body, 'one request may try, and fails');
    t.strictSame(refusal(await ask()), [503, 'upstream_unavailable', '10'], 'open again');
    t.equal(target.seen.length, 5);

    await clock.advance(10_000);
    const { letGo } = hold(target);
    const trying = ask();
    await arrived(target, 6);
    t.strictSame(
      refusal(await ask()),
      [503, 'upstream_unavailable', '10'],
      'while it tries nobody else does',
    );
    letGo();
    t.equal((await trying).status, 200);
    t.strictSame(
      tally((await Promise.all([1, 2, 3].map(ask))).map(({ body }) => body)),
      { only: 3 },
      'closed',
    );

    const early = hold(target);
    const late = ask();
    await arrived(target, 10);
    target.conduct = 503;
    for (let i = 0; i < 4; i++) await ask();
    early.letGo();
    t.equal((await late).status, 200);
    t.strictSame(refusal(await ask()), [503, 'upstream_unavailable', '10'], 'that answer came too late');
    await clock.advance(10_000);
  },
);

t.test('a WebSocket counts as a request under way as long as it is open', async (t) => {
  const test = await startTestGateway(t, {
    upstreams: (app) => ({
      bounded: {
        url: app,
        spiffe_id: 'spiffe://gatehouse.internal/app',
        concurrency: { max: 1, queue: 1, queue_timeout: '30s' },
      },
    }),
    routes: [{ path: '/x/*', methods: ['GET'], auth: 'public', upstream: 'bounded' }],
  });
  const sockets = answerWebSockets(t, test);
  const { client } = await openWebSocket(t, test, sockets, '/x/ws');
  const waiting = rawRequest(test.url, 'GET', '/x/waits');
  await eventually(
    () => rawRequest(test.url, 'GET', '/x/refused'),
    ({ status }) => status === 503,
  );
  client.close();
  t.equal((await waiting).status, 200);
  t.equal((await rawRequest(test.url, 'GET', '/x')).status, 404);
  t.strictSame(
    test.seen.map(({ url }) => url),
    ['/x/waits'],
  );

  const { client: second } = await openWebSocket(t, test, sockets, '/x/ws');
  const inLine = openWebSocket(t, test, sockets, '/x/ws');
  second.close();
  t.equal((await inLine).client.readyState, 1, 'a WebSocket waits for its turn as well');
});

t.test('WebSockets go where less is under way, and past a target that cannot be reached', async (t) => {
  const { url, targets } = await gatewayWithTargets(t, ['a', 'b', 'dead'], {
    upstream: { balance: 'least_requests' },
  });
  const [a, b, dead] = targets;
  if (a === undefined || b === undefined || dead === undefined) throw new Error('no targets');
  await dead.die();
  const at: Record<string, number> = { a: 0, b: 0 };
  for (const target of [a, b]) {
    const sockets = new WebSocketServer({ noServer: true });
    target.server.on('upgrade', (request, socket, head) => {
      at[target.name] = (at[target.name] ?? 0) + 1;
      sockets.handleUpgrade(request, socket, head, () => undefined);
    });
    t.teardown(() => {
      for (const each of sockets.clients) each.terminate();
    });
  }
  const { WebSocket } = await import('ws');
  for (let i = 0; i < 24; i++) {
    const client = new WebSocket(`${url.replace('http', 'ws')}/x/ws`);
    t.teardown(() => client.terminate());
    await once(client, 'open');
  }
  t.ok(Math.abs((at['a'] ?? 0) - (at['b'] ?? 0)) <= 2, JSON.stringify(at));
});
