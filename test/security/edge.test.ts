import { gzipSync } from 'node:zlib';
import t from 'tap';
import { type Attack, type Attempt, refuseAll, send } from '../fixtures/attacks.js';
import { rawHttp } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const GOOD: Attempt = { target: '/public/x', headers: [] };

t.test('methods: unknown, known but not on the route, and the ones that no route can have', async (t) => {
  const gateway = await startTestGateway(t);
  const refused = (method: string, status: number, code: string, target = '/public/x'): Attack => ({
    method,
    target,
    headers: [],
    expect: [status, code],
  });
  const replies = await refuseAll(t, gateway, () => GOOD, {
    BREW: refused('BREW', 501, 'method_unknown'),
    PROPFIND: refused('PROPFIND', 501, 'method_unknown'),
    'get in lower case': refused('get', 501, 'method_unknown'),
    DELETE: refused('DELETE', 405, 'method_not_allowed'),
    OPTIONS: refused('OPTIONS', 405, 'method_not_allowed'),
    TRACE: refused('TRACE', 405, 'method_not_allowed'),
    CONNECT: refused('CONNECT', 405, 'method_not_allowed', 'example.test:443'),
    'OPTIONS *': refused('OPTIONS', 400, 'path_invalid', '*'),
  });
  for (const [name, { status, headers }] of replies)
    if (status === 405) t.match(headers.get('allow'), /GET/, `${name}: says what is allowed`);
});

t.test('only the hosts that are served', async (t) => {
  const gateway = await startTestGateway(t, {
    config: { listen: { host: '127.0.0.1', port: 0, hosts: ['api.test', '127.0.0.1'] } },
  });
  const of = (host: string): Attempt => ({ target: '/public/x', headers: [`Host: ${host}`] });
  const unknown = (host: string, ...more: string[]): Attack => ({
    target: '/public/x',
    headers: [`Host: ${host}`, ...more],
    expect: [421, 'host_unknown'],
  });
  await refuseAll(t, gateway, () => of('api.test'), {
    another: unknown('evil.test'),
    'ours as a part': unknown('api.test.evil.test'),
    'ours in X-Forwarded-Host': unknown('evil.test', 'X-Forwarded-Host: api.test'),
    'ours in Forwarded': unknown('evil.test', 'Forwarded: host=api.test'),
  });
  for (const host of ['api.test', 'API.test:8443', 'api.test.'])
    t.equal((await send(gateway.url, of(host))).status, 200, host);
});

t.test('a body over the limit: declared, it is not begun; chunked, it is never whole', async (t) => {
  const routes = [
    { path: '/public/*', methods: ['GET', 'POST'], auth: 'public', upstream: 'app', max_body: '1KiB' },
    { path: '/api/*', methods: ['POST'], auth: 'caller', upstream: 'app' },
  ];
  const gateway = await startTestGateway(t, { routes });
  const { url, seen } = gateway;
  const post = (target: string, headers: string, body = ''): string =>
    `POST ${target} HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;
  await refuseAll(t, gateway, () => GOOD, {
    declared: { bytes: post('/public/x', 'Content-Length: 1025'), expect: [413, 'body_too_large'] },
    'declared past 2^53': {
      bytes: post('/public/x', 'Content-Length: 9007199254740993'),
      expect: [413, 'body_too_large'],
    },
    // Nothing of it has been sent, and nobody waits for it.
    'a body of nobody': {
      bytes: post('/api/x', 'Connection: close\r\nContent-Length: 1000'),
      expect: [401, 'credentials_missing'],
    },
  });
  const before = seen.length;
  const chunk = `200\r\n${'x'.repeat(512)}\r\n`;
  const reply = await rawHttp(
    url,
    post('/public/x', 'Transfer-Encoding: chunked', `${chunk.repeat(3)}0\r\n\r\n`),
  );
  t.strictSame([reply.status, reply.json()['code'], reply.isClosed], [413, 'body_too_large', true]);
  t.equal((await send(url, GOOD)).status, 200);
  t.equal(seen.length, before + 1);
});

t.test('a compressed body passes through as it is', async (t) => {
  const { url, answer } = await startTestGateway(t);
  const zipped = gzipSync('a'.repeat(100_000));
  let got: Buffer | undefined;
  answer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got = Buffer.concat(chunks);
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(zipped);
    });
  });
  const reply = await fetch(`${url}/public/x`, {
    method: 'POST',
    body: zipped,
    headers: { 'content-encoding': 'gzip' },
  });
  t.ok(got?.equals(zipped));
  t.equal((await reply.text()).length, 100_000);
});

t.test(
  'a route pattern that could backtrack, or claims the gateway\u2019s own paths, is refused at load',
  async (t) => {
    for (const path of [
      '/x/:id(^(a+)+$)',
      '/x/*/y',
      '/x/a:b',
      '/.well-known/gatehouse/x',
      '/x/../y',
      '/a//b',
    ]) {
      const routes = [{ path, methods: ['GET'], auth: 'public', upstream: 'app' }];
      await t.rejects(
        startTestGateway(t, { routes }),
        { message: /config_route_(path|reserved|regexp)/ },
        path,
      );
    }
  },
);
