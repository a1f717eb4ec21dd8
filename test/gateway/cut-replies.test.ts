import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import { systemClock } from '../../kit/clock.js';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import {
  answerWebSockets,
  openWebSocket,
  type RawConnection,
  rawConnection,
  type WebSocketPair,
} from '../fixtures/open-streams.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../fixtures/test-gateway.js';

const ROUTE = { methods: ['GET'], upstream: 'app' };
const ROUTES = [
  { path: '/api/*', ...ROUTE, auth: 'caller' },
  { path: '/public/*', ...ROUTE, auth: 'public' },
  { path: '/idle/*', ...ROUTE, auth: 'public', stream_idle_timeout: '150ms' },
];

interface Streams {
  test: TestGateway;
  /** An event stream of which the first event is there. */
  openEvents(path: string, claims?: object): Promise<{ client: RawConnection; upstream: ServerResponse }>;
  openSocket(path: string, claims?: object): Promise<WebSocketPair>;
  /** What the access log says of each reply so far: its protocol, and why it was cut. */
  cuts(count: number): Promise<string[]>;
}

async function start(t: Test, options: TestGatewayOptions = {}): Promise<Streams> {
  const test = await startTestGateway(t, { routes: ROUTES, ...options });
  const begun: ServerResponse[] = [];
  test.answer((_request, response) => {
    begun.push(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  const sockets = answerWebSockets(t, test);
  const tokenOf = (claims: object): string => `Bearer ${test.token({ ...claims })}`;
  const lines = async (): Promise<Record<string, unknown>[]> =>
    test.logs
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'request');
  return {
    test,
    async openEvents(path, claims = {}) {
      const headers = ['Host: a', `Authorization: ${tokenOf(claims)}`];
      const client = rawConnection(t, test.url, [`GET ${path} HTTP/1.1`, ...headers, '', ''].join('\r\n'));
      await client.read(/data: 1/);
      return { client, upstream: begun.at(-1) as ServerResponse };
    },
    openSocket: (path, claims = {}) =>
      openWebSocket(t, test, sockets, path, { authorization: tokenOf(claims) }),
    async cuts(count) {
      await eventually(lines, (all) => all.length >= count);
      return (await lines())
        .map(({ protocol, status, cut }) => `${String(protocol)} ${String(status)} ${String(cut)}`)
        .toSorted();
    },
  };
}

t.test('a reply that ends as its upstream ended it was not cut', async (t) => {
  const { openEvents, openSocket, cuts } = await start(t);
  (await openEvents('/public/x')).upstream.end();
  const { client, peer } = await openSocket('/public/x');
  client.close(1000);
  await once(peer, 'close');
  const pair = await openSocket('/public/x');
  pair.peer.close(4000, 'enough');
  await pair.clientClosed;
  t.strictSame(await cuts(3), ['http/1.1 200 undefined', 'ws 101 undefined', 'ws 101 undefined']);
});

t.test('an upstream that breaks off', async (t) => {
  const { openEvents, openSocket, cuts } = await start(t);
  (await openEvents('/public/x')).upstream.destroy();
  (await openSocket('/public/x')).peer.terminate();
  t.strictSame(await cuts(2), ['http/1.1 200 upstream_reset', 'ws 101 upstream_reset']);
});

t.test('a client that has gone', async (t) => {
  const { openEvents, openSocket, cuts } = await start(t);
  (await openEvents('/public/x')).client.socket.destroy();
  (await openSocket('/public/x')).client.terminate();
  t.strictSame(await cuts(2), ['http/1.1 200 client_gone', 'ws 101 client_gone']);
});

t.test('a client that has gone before there was an answer', async (t) => {
  const { test, cuts } = await start(t);
  const asked = new Promise<void>((resolve) => test.answer(() => resolve()));
  const { socket } = rawConnection(t, test.url, 'GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n');
  await asked;
  socket.destroy();
  t.strictSame(await cuts(1), ['http/1.1 0 client_gone']);
});

t.test('a client that reads nothing', async (t) => {
  const { openEvents, cuts } = await start(t, { config: { limits: { client_stall: '100ms' } } });
  const { client, upstream } = await openEvents('/public/x');
  client.socket.pause();
  const gone = once(upstream, 'close');
  while (!upstream.destroyed)
    if (!upstream.write(Buffer.alloc(64 * 1024))) await Promise.race([once(upstream, 'drain'), gone]);
  t.strictSame(await cuts(1), ['http/1.1 200 client_stalled']);
});

t.test('a stream that nothing is said on', async (t) => {
  const { openEvents, openSocket, cuts } = await start(t);
  await Promise.all([openEvents('/idle/x'), openSocket('/idle/x')]);
  t.strictSame(await cuts(2), ['http/1.1 200 upstream_timeout', 'ws 101 idle']);
});

t.test('a caller whose access has ended', async (t) => {
  const clock = fakeClock(Date.now());
  const { test, openEvents, openSocket, cuts } = await start(t, {
    deps: { clock: { ...clock, monotonic: systemClock.monotonic } },
    waitUntilReady: false,
  });
  const now = Math.floor(clock.now() / 1000);
  for (const claims of [
    { sid: 'gone', exp: now + 900 },
    { sid: 'stays', exp: now + 60 },
  ])
    await Promise.all([openEvents('/api/x', claims), openSocket('/api/x', claims)]);
  test.feed.revoke({ kind: 'session', iss: test.issuer, sid: 'gone', exp: now + 1000 });
  await clock.advance(2000);
  t.strictSame(await cuts(2), ['http/1.1 200 token_revoked', 'ws 101 token_revoked']);
  await clock.advance(60_000);
  t.strictSame(
    (await cuts(4)).filter((cut) => cut.includes('expired')),
    ['http/1.1 200 token_expired', 'ws 101 token_expired'],
  );
});

t.test('a gateway that stops', async (t) => {
  const { test, openEvents, openSocket, cuts } = await start(t);
  await openEvents('/public/x');
  await openSocket('/public/x');
  // It does not read the close frame, and is cut.
  (await openSocket('/public/x')).client.pause();
  const half = await openEvents('/public/x');
  half.upstream.write('data: 2');
  await half.client.read(/data: 2/);
  await test.gateway.stop();
  t.strictSame(await cuts(4), [
    ...['http/1.1 200 shutting_down', 'http/1.1 200 shutting_down'],
    ...['ws 101 shutting_down', 'ws 101 shutting_down'],
  ]);
});
