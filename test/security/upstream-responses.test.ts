import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { spiffeId } from '../../contracts/spiffe.js';
import { send } from '../fixtures/attacks.js';
import { testPki } from '../fixtures/pki.js';
import { rawHttp } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** What an upstream may answer, by mistake or because somebody writes in its name: never the client's trouble. */

const GET = { target: '/public/x', headers: [] };
const OK = 'HTTP/1.1 200 OK\r\n';
const chunked = (encoding: string): string =>
  `${OK}Transfer-Encoding: ${encoding}\r\n\r\n4\r\nevil\r\n0\r\n\r\n`;

/** `say` makes the `app` upstream write these bytes in answer to the next request; resolves when that connection ends. */
async function start(t: Test) {
  const gateway = await startTestGateway(t);
  const say = (bytes: string): Promise<void> =>
    new Promise((resolve) => {
      gateway.answer((request, response) => {
        request.socket.once('close', () => resolve());
        request.socket.write(Buffer.from(bytes, 'latin1'));
        response.detachSocket(request.socket);
        gateway.answer((_request, next) => next.end('good'));
      });
    });
  return { ...gateway, say };
}

t.test('a response that could be read in two ways is a 502, and its connection is dropped', async (t) => {
  const { url, say } = await start(t);
  const bad: Record<string, string> = {
    'two lengths': `${OK}Content-Length: 2\r\nContent-Length: 4\r\n\r\nevil`,
    'two equal lengths': `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`,
    'length list': `${OK}Content-Length: 2, 2\r\n\r\nok`,
    'signed length': `${OK}Content-Length: +2\r\n\r\nok`,
    'length and chunked': `${OK}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n`,
    'chunked and length': `${OK}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\nevil\r\n0\r\n\r\n`,
    'gzip, chunked': chunked('gzip, chunked'),
    'chunked, identity': chunked('chunked, identity'),
    'an encoding that nobody knows': chunked('xchunked'),
    'chunked twice': chunked('chunked\r\nTransfer-Encoding: chunked'),
    'obs-fold': `${OK}X-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok`,
    'space before the colon': `${OK}Content-Length : 2\r\n\r\nok`,
    'bare line feeds': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'a bare carriage return': `${OK}X-A: a\rSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok`,
    'NUL in a header': `${OK}X-A: a\0b\r\nContent-Length: 2\r\n\r\nok`,
    'headers without end': `${OK}X-A: ${'a'.repeat(100_000)}\r\nContent-Length: 2\r\n\r\nok`,
    'no HTTP': 'hello\r\n\r\n',
  };
  for (const [name, bytes] of Object.entries(bad)) {
    const dropped = say(bytes);
    const reply = await send(url, GET);
    t.strictSame(
      [reply.status, reply.status === 502 && reply.json()['code'], reply.excess],
      [502, 'upstream_response_invalid', ''],
      name,
    );
    await dropped;
    t.equal((await send(url, GET)).body, 'good', `${name}: a good request right after it`);
  }
});

t.test('bytes past the end of a response are nobody’s answer', async (t) => {
  const { url, say } = await start(t);
  const extra = `${OK}Content-Length: 4\r\n\r\nevil`;
  const cases: Record<string, [bytes: string, method?: string]> = {
    'a second response': [`${OK}Content-Length: 2\r\n\r\nok${extra}`],
    'the body of a 304': [`HTTP/1.1 304 Not Modified\r\nContent-Length: ${extra.length}\r\n\r\n${extra}`],
    'the body of a 204': [`HTTP/1.1 204 No Content\r\nContent-Length: ${extra.length}\r\n\r\n${extra}`],
    'the body of a HEAD': [`${OK}Content-Length: ${extra.length}\r\n\r\n${extra}`, 'HEAD'],
  };
  for (const [name, [bytes, method = 'GET']] of Object.entries(cases)) {
    void say(bytes);
    const reply = await send(url, { ...GET, method });
    t.notMatch(reply.body + reply.excess, 'evil', name);
    for (let i = 0; i < 2; i++) t.equal((await send(url, GET)).body, 'good', `${name}: and none of the next`);
  }
});

t.test('headers of one connection, identity headers and trailers of framing go no further', async (t) => {
  const routes = [
    {
      path: '/public/*',
      methods: ['GET'],
      auth: 'public',
      upstream: 'app',
      identity_headers: { 'X-User-Id': 'sub' },
    },
  ];
  const { url, answer } = await startTestGateway(t, { routes });
  answer((_request, response) => {
    response.writeHead(200, {
      connection: 'close, x-hop',
      'x-hop': '1',
      'keep-alive': 'timeout=100',
      'proxy-authenticate': 'Basic',
      trailer: 'x-sum',
      'X-Identity-Subject': 'root',
      'X-User-Id': 'root',
      'x-request-id': 'forged',
      'x-kept': '1',
    });
    response.write('body');
    response.addTrailers({
      'x-sum': '1',
      'x-user-id': 'root',
      'X-Identity-Roles': 'admin',
      'set-cookie': 'a=b',
    });
    response.end();
  });
  const bytes = 'GET /public/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const { headers } = await rawHttp(url, bytes);
  for (const name of ['x-hop', 'proxy-authenticate', 'trailer', 'x-identity-subject', 'x-user-id'])
    t.notOk(headers.has(name), name);
  t.equal(headers.get('x-kept'), '1');
  t.not(headers.get('x-request-id'), 'forged');
  const trailers = await new Promise<string>((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('close', () => resolve(text.slice(text.lastIndexOf('\r\n0\r\n'))));
  });
  t.equal(trailers, '\r\n0\r\nx-sum: 1\r\n\r\n');
});

t.test('an announcement of trailers on a response with a length', async (t) => {
  const { url, say } = await start(t);
  void say(`${OK}Trailer: x-sum\r\nContent-Length: 2\r\n\r\nok`);
  t.equal((await send(url, GET)).body, 'ok');
});

t.test('a stream of events is open before its first event', async (t) => {
  const { url, answer } = await startTestGateway(t);
  answer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
  });
  const ended = new AbortController();
  const { status } = await fetch(`${url}/public/x`, { signal: ended.signal });
  t.equal(status, 200);
  ended.abort();
});

const WS_ROUTES = [{ path: '/ws', methods: ['GET'], auth: 'public', upstream: 'app' }];

t.test(
  'a WebSocket whose upstream is not to be trusted is refused without a word of it, and nothing else is',
  async (t) => {
    const pki = await testPki();
    // Its name is in the text of the error.
    const expected = `spiffe://house.test/${'a-name-from-the-inside-of-the-house/'.repeat(4)}app`;
    const { url } = await startTestGateway(t, {
      routes: [
        { path: '/ws', methods: ['GET'], auth: 'public', upstream: 'other' },
        { path: '/public/*', methods: ['GET'], auth: 'public', upstream: 'app' },
      ],
      upstreams: (appOrigin) => ({ other: { url: appOrigin, spiffe_id: expected } }),
      upstreamPem: await pki.leaf('app', spiffeId('app')),
    });
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
    socket.on('error', () => undefined);
    const [, refusal] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    const body = await text(refusal);
    t.strictSame(
      [refusal.statusCode, (JSON.parse(body) as { code: string }).code],
      [502, 'upstream_untrusted'],
    );
    t.notMatch(body, /inside/);
    t.equal((await send(url, GET)).status, 200);
  },
);

t.test('a WebSocket client that reads nothing holds its upstream up, and is cut off', async (t) => {
  const { url, appServer } = await startTestGateway(t, {
    routes: WS_ROUTES,
    config: { limits: { client_stall: '500ms' } },
  });
  const upstream = new WebSocketServer({ server: appServer });
  t.teardown(() => upstream.close());
  let sent = 0;
  const closed = new Promise<void>((resolve) => {
    upstream.on('connection', (socket) => {
      const chunk = Buffer.alloc(256 * 1024);
      const more = (): void => {
        if (socket.readyState !== WebSocket.OPEN || sent > 100 * 1024 * 1024) return;
        socket.send(chunk, () => {
          sent += chunk.length;
          more();
        });
      };
      more();
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
    });
  });
  const client = connect(Number(new URL(url).port), '127.0.0.1');
  t.teardown(() => client.destroy());
  client.on('error', () => undefined);
  client.write(
    'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  client.pause();
  await closed;
  t.ok(sent < 50 * 1024 * 1024, `${sent} bytes of 100 MiB had been taken from the upstream`);
});

t.test('a WebSocket client that goes before its upstream is there leaves nothing open', async (t) => {
  const { url, appServer } = await startTestGateway(t, { routes: WS_ROUTES });
  const upstream = new WebSocketServer({ server: appServer });
  t.teardown(() => upstream.close());
  const client = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  client.on('open', () => client.terminate());
  const [socket] = (await once(upstream, 'connection')) as [WebSocket];
  if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
  t.pass('closed');
});
