import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import t from 'tap';
import { rawHttp, rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const route = (more: object = {}) => [
  { path: '/public/*', methods: ['GET', 'POST', 'PUT', 'DELETE'], auth: 'public', upstream: 'app', ...more },
];

/** Reads a reply to the end of its connection, or to its being cut. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

const open = (url: string): Socket => connect(Number(new URL(url).port), '127.0.0.1');

t.test('an upstream that breaks off in mid-body is never made to look whole', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route() });
  for (const headers of [{}, { 'content-length': '100' }]) {
    answer((_request, response) => {
      response.writeHead(200, headers);
      response.write('half', () => response.destroy());
    });
    const socket = open(url);
    socket.write('GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n');
    const text = await readAll(socket);
    t.match(text, /^HTTP\/1.1 200/);
    t.notMatch(text, /\r\n0\r\n\r\n$/, 'no last chunk');
  }
  answer((_request, response) => response.end('good'));
  t.equal((await rawRequest(url, 'GET', '/public/x')).body, 'good', 'and a good one right after');
});

t.test('an upstream that breaks off before it answers is a 502', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route() });
  answer((request) => request.socket.destroy());
  for (const method of ['GET', 'POST']) {
    const reply = await fetch(`${url}/public/x`, { method });
    t.match(await reply.json(), { status: 502, code: 'upstream_reset' }, method);
  }
});

t.test('what is no HTTP is a 502, and the connection is dropped', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route() });
  const bad = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 abc\r\n\r\n',
    'hello\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  ];
  for (const bytes of bad) {
    answer((request) => {
      request.socket.end(bytes);
    });
    const reply = await rawRequest(url, 'GET', '/public/x');
    t.equal(reply.status, 502, bytes.slice(0, 60));
  }
  answer((request, response) => {
    request.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    request.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    response.detachSocket(request.socket);
  });
  t.equal((await rawRequest(url, 'GET', '/public/x')).body, 'ok');
  answer((_request, response) => response.end('good'));
  t.equal(
    (await rawRequest(url, 'GET', '/public/x')).body,
    'good',
    'the extra response is nobody\u2019s answer',
  );
});

t.test('an upstream that does not answer in time is a 504', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route({ timeout: '50ms' }) });
  answer(() => undefined);
  const reply = await fetch(`${url}/public/x`);
  t.match(await reply.json(), { status: 504, code: 'upstream_timeout' });
});

t.test('an upstream that falls silent in mid-body is cut off; a stream of events is not', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route({ idle_timeout: '50ms' }) });
  answer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('a');
  });
  const socket = open(url);
  socket.write('GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n');
  t.notMatch(await readAll(socket), /\r\n0\r\n\r\n$/);
  let events: import('node:http').ServerResponse | undefined;
  answer((_request, response) => {
    events = response;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    setTimeout(() => response.end('data: 2\n\n'), 200);
  });
  t.equal(await (await fetch(`${url}/public/x`)).text(), 'data: 1\n\ndata: 2\n\n');
  t.ok(events);
});

t.test(
  'an upstream that falls silent after more than the client could take at once is cut off too',
  async (t) => {
    const { url, answer } = await startTestGateway(t, { routes: route({ idle_timeout: '2s' }) });
    const sent = 8 * 1024 * 1024;
    answer((_request, response) => {
      response.writeHead(200, { 'content-length': String(sent + 1) });
      response.write(Buffer.alloc(sent, 'x'));
    });
    const socket = open(url);
    socket.write('GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n');
    t.ok((await readAll(socket)).length > sent, 'all of what came, and an end of the connection');
  },
);

t.test('HEAD, 204 and 304 have no body, and the connection goes on', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route() });
  answer((request, response) => {
    const status = Number(new URL(request.url ?? '', 'http://x').searchParams.get('s'));
    response.writeHead(status, status === 204 ? {} : { 'content-length': '5', etag: '"e"' });
    response.end(request.method === 'HEAD' || status !== 200 ? undefined : 'hello');
  });
  const socket = open(url);
  const text = readAll(socket);
  const line = (method: string, s: number, more = ''): string =>
    `${method} /public/x?s=${s} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
  socket.write(line('HEAD', 200));
  await new Promise((resolve) => socket.once('data', resolve));
  socket.write(line('GET', 204));
  await new Promise((resolve) => socket.once('data', resolve));
  socket.write(line('GET', 304));
  await new Promise((resolve) => socket.once('data', resolve));
  socket.write(line('GET', 200, 'Connection: close\r\n'));
  const replies = (await text).split(/(?=HTTP\/1\.1 )/);
  t.equal(replies.length, 4);
  t.match(replies[0], /content-length: 5/i);
  t.match(replies[1], /^HTTP\/1.1 204/);
  t.notMatch(replies[1], /transfer-encoding|content-length/i);
  t.match(replies[2], /^HTTP\/1.1 304/);
  t.ok(replies.slice(0, 3).every((reply) => reply.endsWith('\r\n\r\n')));
  t.match(replies[3], /\r\n\r\nhello$/);
});

t.test('response trailers arrive, request trailers do not', async (t) => {
  const { url, answer, seen } = await startTestGateway(t, { routes: route() });
  let trailers: unknown;
  answer((request, response) => {
    request.on('end', () => {
      trailers = request.trailers;
      response.writeHead(200, { trailer: 'x-sum' });
      response.write('body');
      response.addTrailers({ 'x-sum': '42', 'x-identity-subject': 'evil' });
      response.end();
    });
  });
  const bytes = `POST /public/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-identity-subject\r\nConnection: close\r\n\r\n4\r\nping\r\n0\r\nx-identity-subject: root\r\n\r\n`;
  const socket = open(url);
  socket.write(bytes);
  const text = await readAll(socket);
  t.match(text, /0\r\nx-sum: 42\r\n\r\n$/);
  t.same(trailers, {});
  t.equal(seen[0]?.body, 'ping');
});

t.test('a client that goes away takes its upstream request with it', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route() });
  const closed = new Promise<void>((resolve) => {
    answer((request, response) => {
      response.writeHead(200);
      response.write('a');
      request.socket.once('close', () => resolve());
      response.once('close', () => resolve());
    });
  });
  const socket = open(url);
  socket.on('error', () => undefined);
  socket.write('GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  socket.destroy();
  await closed;
  t.pass('the upstream saw the end');
});

t.test('a client that goes away in mid-upload does too, and a good request follows', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route() });
  let arrived: () => void = () => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const aborted = new Promise<void>((resolve) => {
    answer((request) => {
      request.on('error', () => resolve());
      request.once('data', () => arrived());
    });
  });
  const socket = open(url);
  socket.on('error', () => undefined);
  socket.write('POST /public/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
  await arrival;
  socket.destroy();
  await aborted;
  answer((_request, response) => response.end('good'));
  t.equal((await rawRequest(url, 'GET', '/public/x')).body, 'good');
});

t.test('an early answer reaches a client that is still sending', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route({ max_body: '100MiB' }) });
  answer((_request, response) => {
    response.writeHead(413, { connection: 'close' });
    response.end('too much');
  });
  const socket = open(url);
  socket.on('error', () => undefined);
  socket.write('POST /public/x HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n');
  socket.write(Buffer.alloc(64 * 1024));
  const text = await readAll(socket);
  t.match(text, /^HTTP\/1.1 413/);
  t.match(text, /connection: close/i);
  t.match(text, /too much/);
});

t.test('Expect: 100-continue is answered here, and only once the request is allowed', async (t) => {
  const { url, answer, seen, token } = await startTestGateway(t);
  answer((request, response) => {
    request.on('end', () => response.end('ok'));
  });
  const send = async (authorization?: string): Promise<{ continued: boolean; status: number }> => {
    const outgoing = httpRequest(`${url}/api/x`, {
      method: 'POST',
      headers: {
        expect: '100-continue',
        'content-length': 4,
        ...(authorization === undefined ? {} : { authorization }),
      },
    });
    let continued = false;
    outgoing.on('continue', () => {
      continued = true;
      outgoing.end('body');
    });
    outgoing.flushHeaders();
    const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
    response.resume();
    outgoing.destroy();
    return { continued, status: response.statusCode ?? 0 };
  };
  t.same(await send(), { continued: false, status: 401 }, 'refused before a byte of the body');
  t.same(await send(`Bearer ${token()}`), { continued: true, status: 200 });
  t.equal(seen.length, 1);
  t.equal(seen[0]?.body, 'body');
  t.notOk(seen[0]?.headers.some(([name]) => name === 'expect'));
});

t.test('a body that stops coming is a 408', async (t) => {
  const { url, answer } = await startTestGateway(t, {
    routes: route(),
    config: { limits: { body_idle: '100ms' } },
  });
  answer((request, response) => {
    request.on('end', () => response.end('ok'));
  });
  const reply = await rawHttp(url, 'POST /public/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
  t.equal(reply.status, 408);
  t.match(reply.json(), { code: 'request_timeout' });
});

t.test('a body that drips is one for as long as all of it may take', async (t) => {
  const { url, answer, seen } = await startTestGateway(t, { routes: route({ total_timeout: '800ms' }) });
  answer((request, response) => {
    request.on('end', () => response.end('ok'));
  });
  await rawRequest(url, 'POST', '/public/x');
  const socket = open(url);
  socket.write('POST /public/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n');
  const drip = setInterval(() => socket.write('x'), 20);
  const reply = await readAll(socket);
  clearInterval(drip);
  t.match(
    reply,
    /^HTTP\/1.1 408[\s\S]*connection: close[\s\S]*request_timeout/i,
    'not for the upstream to answer for',
  );
  t.equal(seen.length, 1, 'it was never whole');
});

t.test('headers that stop coming are a 408', async (t) => {
  const { url } = await startTestGateway(t, { routes: route(), config: { limits: { headers: '200ms' } } });
  const reply = await rawHttp(url, 'GET /public/x HTTP/1.1\r\nHost:');
  t.equal(reply.status, 408);
});

t.test('both sides push back: a slow reader holds up the upstream, a slow upstream the client', async (t) => {
  const { url, answer } = await startTestGateway(t, { routes: route({ max_body: '1GiB' }) });
  const total = 64 * 1024 * 1024;
  let written = 0;
  answer((_request, response) => {
    const chunk = Buffer.alloc(64 * 1024);
    const more = (): void => {
      while (written < total) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const socket = open(url);
  socket.write('GET /public/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await once(socket, 'readable');
  let last = -1;
  while (last !== written) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.ok(written < total / 2, `the upstream was held up at ${written} bytes`);
  let read = 0;
  socket.on('data', (chunk: Buffer) => (read += chunk.length));
  await once(socket, 'close');
  t.ok(read > total, 'and then everything arrives');

  let sent = 0;
  let release: () => void = () => undefined;
  answer((request, response) => {
    request.pause();
    release = () => {
      request.resume();
      request.on('end', () => response.end('ok'));
    };
  });
  const source = new Readable({
    read() {
      if (sent >= total) this.push(null);
      else {
        sent += 64 * 1024;
        this.push(Buffer.alloc(64 * 1024));
      }
    },
  });
  const outgoing = httpRequest(`${url}/public/x`, { method: 'POST' });
  source.pipe(outgoing);
  last = -1;
  while (last !== sent || sent === 0) {
    last = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.ok(sent < total / 2, `the client was held up at ${sent} bytes`);
  release();
  const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
  response.resume();
  t.equal(response.statusCode, 200);
});

t.test('a client that takes nothing for too long is cut off', async (t) => {
  const { url, answer } = await startTestGateway(t, {
    routes: route(),
    config: { limits: { client_stall: '100ms' } },
  });
  const cut = new Promise<void>((resolve) => {
    answer((_request, response) => {
      response.on('close', () => resolve());
      const more = (): void => {
        while (response.write(Buffer.alloc(64 * 1024)));
        response.once('drain', more);
      };
      more();
    });
  });
  const socket = open(url);
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  socket.write('GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'readable');
  await cut;
  t.pass('and its upstream request with it');
});
