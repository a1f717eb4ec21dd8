import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import { systemClock } from '../../kit/clock.js';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { answerWebSockets, openWebSocket, rawConnection } from '../fixtures/open-streams.js';
import { startTestGateway, type TestGatewayOptions } from '../fixtures/test-gateway.js';

const start = (t: Parameters<typeof startTestGateway>[0], config: object, more: TestGatewayOptions = {}) =>
  startTestGateway(t, { ...more, config });
const GET = (path = '/public/x', version = '1.1'): string => `GET ${path} HTTP/${version}\r\nHost: a\r\n\r\n`;

/** Resolves when nothing listens there any more. */
const unbound = (url: string): Promise<number> =>
  eventually(
    () =>
      new Promise<string>((resolve) => {
        const socket = connect(Number(new URL(url).port), '127.0.0.1');
        socket.once('connect', () => {
          socket.destroy();
          resolve('listening');
        });
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      }),
    (answer) => answer === 'ECONNREFUSED',
  );

t.test('while it is not ready but accepts, every reply is the last on its connection', async (t) => {
  const clock = fakeClock(Date.now());
  const { gateway, url, answer } = await start(
    t,
    { shutdown_delay: '5s' },
    { deps: { clock: { ...clock, monotonic: systemClock.monotonic } }, waitUntilReady: false },
  );
  let held: ServerResponse | undefined;
  answer((request, response) => {
    if (request.url === '/public/held') held = response;
    else response.end('ok');
  });
  const idle = rawConnection(t, url, GET());
  await idle.read(/ok$/);
  t.match(idle.text(), /connection: keep-alive/i);
  const underWay = rawConnection(t, url, GET('/public/held'));
  await eventually(async () => held, Boolean);

  const stopped = gateway.stop();
  t.equal((await fetch(`${gateway.adminUrl}/ready`)).status, 503, 'at once');
  idle.socket.write(GET('/public/again'));
  await idle.read(/ok[\s\S]*ok$/);
  t.match(idle.text(), /connection: close/i, 'a kept connection serves one more');
  t.equal(await idle.ended, 'end');
  held?.end('late');
  await underWay.ended;
  t.match(underWay.text(), /connection: close[\s\S]*late/i, 'so does a request that was under way');
  for (const path of ['/public/new', '/nowhere', '/api/x']) {
    const fresh = rawConnection(t, url, GET(path));
    await fresh.ended;
    t.match(fresh.text(), /^HTTP\/1.1 (200|401|404)[\s\S]*connection: close/i, path);
  }
  await clock.advance(5000);
  await unbound(url);
  await stopped;
});

t.test('nothing new is accepted while streams end, each in its turn and whole', async (t) => {
  const test = await start(t, { drain_timeout: '2s' });
  const { gateway, url, answer } = test;
  let events: ServerResponse | undefined;
  answer((_request, response) => {
    events = response;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\ndata: ');
  });
  const sockets = answerWebSockets(t, test);
  const pair = await openWebSocket(t, test, sockets, '/public/ws');
  const stream = rawConnection(t, url, GET());
  await stream.read(/data: 1/);
  const stopped = gateway.stop();
  await unbound(url);
  t.pass('the listener is gone');
  t.equal(await pair.clientClosed, '1001 the gateway is stopping');
  t.equal(await pair.peerClosed, '1001 the gateway is stopping');
  t.notMatch(stream.text(), /\r\n0\r\n\r\n$/, 'the event is not whole yet');
  const gone = once(events as ServerResponse, 'close');
  events?.write('2\n\n');
  t.equal(await stream.ended, 'end');
  t.match(stream.text(), /data: 1\n\ndata: [\s\S]*2\n\n\r\n0\r\n\r\n$/);
  await gone;
  await stopped;
});

t.test('what does not end in time is cut, and does not look whole', async (t) => {
  const test = await start(t, { drain_timeout: '200ms' });
  const { gateway, url, answer } = test;
  answer((request, response) => {
    response.writeHead(200, request.url === '/public/events' ? { 'content-type': 'text/event-stream' } : {});
    response.write('half');
  });
  const sockets = answerWebSockets(t, test);
  const { client, peer } = await openWebSocket(t, test, sockets, '/public/ws');
  const peerGone = once(peer, 'close');
  client.pause(); // It reads nothing, the close frame neither.
  const chunked = rawConnection(t, url, GET());
  const old = rawConnection(t, url, GET('/public/x', '1.0'));
  const events = rawConnection(t, url, GET('/public/events'));
  for (const each of [chunked, old, events]) await each.read(/half/);
  await gateway.stop();
  t.pass('stopped');
  for (const each of [chunked, events]) {
    await each.ended;
    t.notMatch(each.text(), /\r\n0\r\n\r\n$/);
  }
  t.equal(await old.ended, 'reset', 'to HTTP/1.0 a plain end would be the end of the body');
  await peerGone;
});

t.test('a body that breaks off is no whole one to an HTTP/1.0 client either', async (t) => {
  const { url, answer } = await start(t, {});
  answer((_request, response) => {
    response.writeHead(200);
    response.write('half', () => response.destroy());
  });
  const client = rawConnection(t, url, GET('/public/x', '1.0'));
  t.equal(await client.ended, 'reset');
  answer((_request, response) => response.end('good'));
  const next = rawConnection(t, url, GET('/public/x', '1.0'));
  t.equal(await next.ended, 'end');
  t.match(next.text(), /good$/);
});

t.test(
  'a kept connection whose reply ends late holds nothing up, and may bring one more request',
  async (t) => {
    const { gateway, url, answer } = await start(t, { drain_timeout: '10s' });
    const downloads: ServerResponse[] = [];
    answer((_request, response) => {
      downloads.push(response);
      response.write('begun');
    });
    const [quiet, busy] = [rawConnection(t, url, GET()), rawConnection(t, url, GET())];
    await Promise.all([quiet.read(/begun/), busy.read(/begun/)]);
    const stopped = gateway.stop();
    await unbound(url);
    answer((_request, response) => response.end('more'));
    for (const download of downloads) download.end();
    await Promise.all([quiet.read(/\r\n0\r\n\r\n$/), busy.read(/\r\n0\r\n\r\n$/)]);
    busy.socket.write(GET('/public/more'));
    await busy.ended;
    t.match(busy.text(), /connection: close[\s\S]*more/i);
    t.equal(await quiet.ended, 'end');
    await stopped;
  },
);
