import type { ServerResponse } from 'node:http';
import t from 'tap';
import { answerWebSockets, openWebSocket, rawConnection } from '../fixtures/open-streams.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const routes = [
  { path: '/short/*', methods: ['GET'], auth: 'public', upstream: 'app', stream_idle_timeout: '300ms' },
  {
    path: '/long/*',
    methods: ['GET'],
    auth: 'public',
    upstream: 'app',
    idle_timeout: '50ms',
    stream_idle_timeout: '0s',
  },
];

t.test(
  'a stream of events that is silent for too long is cut; one that speaks now and then is not',
  async (t) => {
    const { url, answer } = await startTestGateway(t, { routes });
    let speaks: ServerResponse | undefined;
    answer((request, response) => {
      if (request.url === '/short/speaks') speaks = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
    });
    const get = (path: string) => rawConnection(t, url, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const [silent, exempt, speaking] = [get('/short/silent'), get('/long/silent'), get('/short/speaks')];
    for (const each of [silent, exempt, speaking]) await each.read(/hello/);
    const timer = setInterval(() => speaks?.write(':\n\n'), 20);
    t.teardown(() => clearInterval(timer));
    await silent.ended;
    t.notMatch(silent.text(), /\r\n0\r\n\r\n$/, 'never a clean end');
    const still = await Promise.race([
      exempt.ended,
      speaking.ended,
      new Promise((r) => setImmediate(r, 'open')),
    ]);
    t.equal(still, 'open');
    speaks?.end();
    clearInterval(timer);
    await speaking.read(/\r\n0\r\n\r\n$/);
  },
);

t.test(
  'a WebSocket that is silent for too long is closed with 1001; a ping either way is no silence',
  async (t) => {
    const test = await startTestGateway(t, { routes });
    const sockets = answerWebSockets(t, test);
    const silent = await openWebSocket(t, test, sockets, '/short/ws');
    const exempt = await openWebSocket(t, test, sockets, '/long/ws');
    const pinging = await openWebSocket(t, test, sockets, '/short/ws');
    const pinged = await openWebSocket(t, test, sockets, '/short/ws');
    const timer = setInterval(() => {
      pinging.client.ping();
      pinged.peer.ping();
    }, 20);
    t.teardown(() => clearInterval(timer));
    t.equal(await silent.clientClosed, '1001 idle');
    t.equal(await silent.peerClosed, '1001 idle');
    for (const [name, { client }] of Object.entries({ exempt, pinging, pinged }))
      t.equal(client.readyState, client.OPEN, name);
    clearInterval(timer);
    t.equal(await pinging.clientClosed, '1001 idle', 'and is closed when they stop');
    t.equal(await pinged.clientClosed, '1001 idle');
  },
);
