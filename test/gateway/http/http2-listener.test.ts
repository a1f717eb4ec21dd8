import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import t from 'tap';
import { WebSocket } from 'ws';
import { systemClock } from '../../../kit/clock.js';
import { eventually } from '../../fixtures/eventually.js';
import { fakeClock } from '../../fixtures/fake-clock.js';
import { http2AnswerOf, http2Ask, http2Connect } from '../../fixtures/http2-client.js';
import { answerWebSockets } from '../../fixtures/open-streams.js';
import {
  END_STREAM,
  FRAME,
  frame,
  headersFrames,
  INTERNAL_ERROR,
  RawHttp2,
  uint32,
} from '../../fixtures/raw-http2.js';
import { startTlsGateway } from '../../fixtures/tls-gateway.js';

const GET = (path = '/public/x') =>
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', 'a.test'],
    [':path', path],
  ] as const;

t.test('requests at a time on one connection, headers and bodies as in HTTP/1.1', async (t) => {
  const { url, ca, seen, token, answer } = await startTlsGateway(t);
  answer((request, response) => {
    response.writeHead(200, [
      'Set-Cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'X-App',
      'yes',
      'Connection',
      'close',
    ]);
    request.pipe(response);
  });
  const session = await http2Connect(t, url, { ca });
  t.equal(session.alpnProtocol, 'h2');
  const [a, b, c] = await Promise.all([
    http2Ask(session, { ':path': '/public/a?x=1', cookie: ['c=1', 'd=2'] }),
    http2Ask(session, { ':path': '/api/b', authorization: `Bearer ${token()}` }, 'hello'),
    http2Ask(session, { ':path': '/api/c' }),
  ]);
  t.strictSame([a.status, b.status, c.status], [200, 200, 401]);
  t.strictSame(a.headers['set-cookie'], ['a=1', 'b=2']);
  t.equal(a.headers['x-app'], 'yes');
  t.equal(a.headers.connection, undefined);
  t.equal(b.body, 'hello');
  t.equal(c.json()['code'], 'credentials_missing');
  t.equal(c.headers['www-authenticate'], 'Bearer');
  t.equal(c.json()['request_id'], c.headers['x-request-id']);
  const arrived = new Map(seen.find(({ url }) => url === '/public/a?x=1')?.headers);
  t.equal(arrived.get('cookie'), 'c=1; d=2');
  t.equal(arrived.get('via'), '2 gatehouse');
  t.equal(arrived.get('x-forwarded-proto'), 'https');
  t.equal(seen.length, 2);
});

t.test('HEAD, 204, 304, an empty body, trailers and 100 Continue', async (t) => {
  const { url, ca, answer } = await startTlsGateway(t);
  answer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://a');
    if (pathname.endsWith('204')) response.writeHead(204).end();
    else if (pathname.endsWith('304')) response.writeHead(304, { 'content-length': 9, etag: '"a"' }).end();
    else if (pathname.endsWith('empty')) response.writeHead(200, { 'content-length': 0 }).end();
    else if (pathname.endsWith('trailers')) {
      response.writeHead(200, { trailer: 'x-sum' });
      response.write('body');
      response.addTrailers({ 'X-Sum': '4', 'X-Identity-Subject': 'root' });
      response.end();
    } else if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 5 }).end();
    else request.pipe(response);
  });
  const session = await http2Connect(t, url, { ca });
  const head = await http2Ask(session, { ':path': '/public/x', ':method': 'HEAD' });
  t.strictSame([head.status, head.headers['content-length'], head.body], [200, '5', '']);
  t.equal((await http2Ask(session, { ':path': '/public/204' })).status, 204);
  const notModified = await http2Ask(session, { ':path': '/public/304' });
  t.strictSame([notModified.status, notModified.headers.etag], [304, '"a"']);
  t.equal((await http2Ask(session, { ':path': '/public/empty' })).status, 200);
  const { body, trailers } = await http2Ask(session, { ':path': '/public/trailers' });
  t.strictSame([body, trailers['x-sum'], trailers['x-identity-subject']], ['body', '4', undefined]);
  const continued = await http2Ask(session, { ':path': '/public/x', expect: '100-continue' }, 'after');
  t.strictSame([continued.body, continued.status], ['after', 200]);
  const refused = await http2Ask(session, { ':path': '/api/x', expect: '100-continue' }, 'never');
  t.equal(refused.status, 401);
});

t.test('a response that stops half-way is reset, and others on the connection go on', async (t) => {
  const { url, ca, answer } = await startTlsGateway(t);
  const ends: (() => void)[] = [];
  answer((request, response) => {
    response.write('part');
    const isCut = request.url?.endsWith('cut') === true;
    ends.push(() => (isCut ? request.socket.destroy() : response.end(' whole')));
  });
  const client = await RawHttp2.open(t, url, ca);
  client.write(headersFrames(1, GET('/public/cut')), headersFrames(3, GET()));
  await client.until(() => client.body(1) !== '' && client.body(3) !== '');
  for (const end of ends) end();
  t.equal(await client.outcome(1), 'reset');
  t.equal(client.resetCode(1), INTERNAL_ERROR);
  t.notOk(client.hasEnded(1), 'it never looks whole');
  t.equal(await client.outcome(3), 'answered');
  t.equal(client.body(3), 'part whole');
});

t.test('a client that resets its stream is told of to the upstream; so is one that leaves', async (t) => {
  const { url, ca, answer } = await startTlsGateway(t);
  const closed: Promise<unknown>[] = [];
  answer((_request, response) => {
    closed.push(once(response, 'close'));
    response.write('data: 1\n\n');
  });
  const client = await RawHttp2.open(t, url, ca);
  client.write(headersFrames(1, GET()), headersFrames(3, GET()));
  await client.until(() => client.body(1) !== '' && client.body(3) !== '');
  client.write(frame(FRAME.RST_STREAM, 0, 1, uint32(8)));
  await Promise.race(closed);
  client.socket.destroy();
  await Promise.all(closed);
  t.equal(closed.length, 2);
});

t.test('a refusal does not wait for the body; its sender is told to stop', async (t) => {
  const { url, ca } = await startTlsGateway(t);
  const client = await RawHttp2.open(t, url, ca);
  client.write(
    headersFrames(1, [[':method', 'POST'], ...GET('/api/x').slice(1)], 0),
    frame(FRAME.DATA, 0, 1, 'part'),
  );
  t.equal(await client.outcome(1), 'answered');
  t.match(client.body(1), /credentials_missing/);
  await client.until(() => client.resetCode(1) !== undefined);
  t.equal(client.resetCode(1), 0, 'NO_ERROR, after the whole response');
  const at = (type: number): number =>
    client.frames.findIndex((one) => one.type === type && one.stream === 1);
  t.ok(at(FRAME.RST_STREAM) > at(FRAME.DATA));
  client.write(headersFrames(3, GET()));
  t.equal(await client.outcome(3), 'answered', 'the connection stays');
});

t.test('who is answered in mid-body is told to stop, too', async (t) => {
  const { url, ca, answer } = await startTlsGateway(t, {
    routes: [{ path: '/public/*', methods: ['POST'], auth: 'public', upstream: 'app', max_body: '1KiB' }],
  });
  answer((request, response) => request.once('data', () => response.end('enough')));
  const bodies = { enough: 'part', body_too_large: 'x'.repeat(2000) };
  for (const [answered, body] of Object.entries(bodies)) {
    const client = await RawHttp2.open(t, url, ca);
    client.write(
      headersFrames(1, [[':method', 'POST'], ...GET().slice(1)], 0),
      frame(FRAME.DATA, 0, 1, body),
    );
    t.equal(await client.outcome(1), 'answered');
    t.match(client.body(1), answered);
    await client.until(() => client.resetCode(1) !== undefined);
    t.equal(client.resetCode(1), 0, `${answered}: NO_ERROR, after the whole response`);
  }
});

t.test('large bodies both ways, and a slow reader holds up nobody else', async (t) => {
  const { url, ca, answer } = await startTlsGateway(t, {
    routes: [
      { path: '/public/*', methods: ['GET', 'POST'], auth: 'public', upstream: 'app', max_body: '64MiB' },
    ],
  });
  const size = 16 * 1024 * 1024;
  let sent = 0;
  answer((request, response) => {
    if (request.method === 'POST') {
      let received = 0;
      request.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      request.on('end', () => response.end(String(received)));
      return;
    }
    const more = (): void => {
      while (sent < size) {
        sent += 65_536;
        if (!response.write(Buffer.alloc(65_536))) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const session = await http2Connect(t, url, { ca });
  const slow = session.request({ ':path': '/public/down' });
  slow.pause();
  await once(slow, 'response');
  const up = session.request({ ':path': '/public/up', ':method': 'POST' });
  up.end(Buffer.alloc(size));
  t.equal((await http2AnswerOf(up)).body, String(size), 'an upload beside a download that nobody reads');
  t.ok(sent < size, `the upstream is held up after ${sent} bytes`);
  let received = 0;
  slow.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  slow.resume();
  await once(slow, 'end');
  t.equal(received, size);
});

t.test('a request whose access ends is reset, and its connection stays', async (t) => {
  const { url, ca, token, feed, issuer, answer } = await startTlsGateway(t);
  answer((_request, response) => response.write('data: 1\n\n'));
  const client = await RawHttp2.open(t, url, ca);
  const exp = Math.floor(Date.now() / 1000) + 600;
  client.write(
    headersFrames(1, [...GET('/api/x'), ['authorization', `Bearer ${token({ jti: 'gone', exp })}`]]),
  );
  await client.until(() => client.body(1) !== '');
  feed.revoke({ kind: 'token', iss: issuer, jti: 'gone', exp });
  t.equal(await client.outcome(1), 'reset');
  answer((_request, response) => response.end('ok'));
  client.write(headersFrames(3, GET()));
  t.equal(await client.outcome(3), 'answered');
});

t.test('HTTP/1.1 and WebSockets are served beside it, as before', async (t) => {
  const test = await startTlsGateway(t);
  const { url, ca } = test;
  const request = httpsRequest(`${url}/public/x`, {
    ca,
    servername: 'a.test',
  }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  t.strictSame([response.statusCode, response.httpVersion], [200, '1.1']);
  response.resume();
  const tls = { ca, servername: 'a.test' };
  const at = `${url.replace('https', 'wss')}/api/ws`;
  const refused = new WebSocket(at, tls);
  const [, refusal] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
  t.equal(refusal.statusCode, 401, 'the handshake comes to the pipeline');
  answerWebSockets(t, test);
  for (const ALPNProtocols of [undefined, ['http/1.1']]) {
    const headers = { authorization: `Bearer ${test.token()}` };
    const client = new WebSocket(at, { ...tls, headers, ...(ALPNProtocols && { ALPNProtocols }) });
    t.teardown(() => client.terminate());
    await once(client, 'open');
    client.send('hello');
    const [message] = (await once(client, 'message')) as [Buffer];
    t.equal(String(message), 'echo hello');
    client.close(1000);
    t.strictSame((await once(client, 'close'))[0], 1000);
  }
});

t.test('http2: false offers HTTP/1.1 alone', async (t) => {
  const { url, ca } = await startTlsGateway(t, { listen: { http2: false } });
  await t.rejects(http2Connect(t, url, { ca }));
});

t.test(
  'stopping: GOAWAY at once, and to who came later; what is under way ends, and nothing is waited for',
  async (t) => {
    const clock = fakeClock(Date.now());
    const { url, ca, gateway, answer } = await startTlsGateway(t, {
      config: { shutdown_delay: '5s', drain_timeout: '600s' },
      deps: { clock: { ...clock, monotonic: systemClock.monotonic } },
      waitUntilReady: false,
    });
    const releases: (() => void)[] = [];
    const upstream = new EventEmitter();
    answer((_request, response) => {
      releases.push(() => response.end('late'));
      upstream.emit('request');
    });
    const openRequest = async (): Promise<RawHttp2> => {
      const client = await RawHttp2.open(t, url, ca);
      const arrived = once(upstream, 'request');
      client.write(headersFrames(1, GET()));
      await arrived;
      return client;
    };
    const early = await openRequest();
    const stopped = gateway.stop();
    await early.until(() => early.goawayCode() !== undefined);
    const late = await openRequest();
    t.equal(late.goawayCode(), undefined, 'until the listener closes, new connections are served');
    await clock.advance(5000);
    await late.until(() => late.goawayCode() !== undefined);
    for (const release of releases) release();
    for (const client of [early, late]) {
      t.equal(await client.outcome(1), 'answered');
      t.strictSame([client.body(1), client.goawayCode()], ['late', 0]);
      await client.until(() => client.isClosed);
    }
    await stopped;
  },
);

t.test('idle connections end: before a first request, and after the last', async (t) => {
  const { url, ca } = await startTlsGateway(t, {
    config: { limits: { headers: '50ms', keep_alive: '50ms' } },
  });
  const silent = await RawHttp2.open(t, url, ca);
  await silent.until(() => silent.isClosed);
  const served = await RawHttp2.open(t, url, ca);
  served.write(headersFrames(1, GET()));
  t.equal(await served.outcome(1), 'answered');
  await served.until(() => served.isClosed);
  t.equal(served.goawayCode(), 0);
  const halfHeaders = await RawHttp2.open(t, url, ca);
  halfHeaders.write(frame(FRAME.HEADERS, END_STREAM, 1, ''));
  await halfHeaders.until(() => halfHeaders.isClosed);
});

t.test('a client that reads nothing of a response is cut off', async (t) => {
  const { url, ca, answer } = await startTlsGateway(t, { config: { limits: { client_stall: '50ms' } } });
  const noWindow = Buffer.concat([Buffer.from([0, 4]), uint32(0)]);
  const client = await RawHttp2.open(t, url, ca, noWindow);
  client.write(headersFrames(1, GET()));
  t.equal(await client.outcome(1), 'reset', 'a small response, all of it waiting');
  answer((_request, response) => response.end(Buffer.alloc(1024 * 1024)));
  client.write(headersFrames(3, GET()));
  t.equal(await client.outcome(3), 'reset', 'a large one');
});

t.test(
  'a stream of events ends whole, between two events, when the gateway stops; a silent one is reset',
  async (t) => {
    const { url, ca, gateway, answer } = await startTlsGateway(t, {
      config: { drain_timeout: '2s' },
      routes: [
        { path: '/public/*', methods: ['GET'], auth: 'public', upstream: 'app' },
        { path: '/short/*', methods: ['GET'], auth: 'public', upstream: 'app', stream_idle_timeout: '100ms' },
      ],
    });
    const streams: ServerResponse[] = [];
    answer((_request, response) => {
      streams.push(response);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\ndata: ');
    });
    const client = await RawHttp2.open(t, url, ca);
    client.write(headersFrames(1, GET('/short/x')));
    t.equal(await client.outcome(1), 'reset');
    t.equal(client.resetCode(1), INTERNAL_ERROR);
    client.write(headersFrames(3, GET()));
    await client.until(() => client.body(3) !== '');
    const stopped = gateway.stop();
    await client.until(() => client.goawayCode() !== undefined);
    // Its turn comes within 80 % of the time; until then, and until it is whole, the event goes on.
    const more = setInterval(() => streams[1]?.write('2\n\n'), 20);
    t.teardown(() => clearInterval(more));
    t.equal(await client.outcome(3), 'answered');
    t.match(client.body(3), /\n\n$/);
    await stopped;
  },
);

t.test('a client that reads nothing at all does not keep its connection', async (t) => {
  const { url, ca, gateway, answer } = await startTlsGateway(t, {
    config: { limits: { client_stall: '100ms', keep_alive: '100ms' } },
  });
  answer((_request, response) => response.end(Buffer.alloc(50 * 1024 * 1024)));
  const wholeWindow = Buffer.concat([Buffer.from([0, 4]), uint32(2 ** 31 - 1)]);
  const client = await RawHttp2.open(t, url, ca, wholeWindow);
  client.write(frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(2 ** 30)), headersFrames(1, GET()));
  await client.until(() => client.body(1) !== '');
  client.socket.pause();
  await eventually(
    async () => (await fetch(`${gateway.adminUrl}/metrics`)).text(),
    (metrics) => metrics.includes('\ngatehouse_open_connections 0\n'),
  );
  t.pass('it is gone');
});
