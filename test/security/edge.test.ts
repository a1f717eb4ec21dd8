import { gzipSync } from 'node:zlib';
import t from 'tap';
import { rawHttp, rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

t.test('methods: unknown, known but not on the route, and the ones that no route can have', async (t) => {
  const { url, seen } = await startTestGateway(t);
  const code = async (method: string, target = '/public/x') => {
    const reply = await rawRequest(url, method, target);
    return [reply.status, reply.json()['code']];
  };
  t.same(await code('BREW'), [501, 'method_unknown']);
  t.same(await code('PROPFIND'), [501, 'method_unknown']);
  t.same(await code('DELETE'), [405, 'method_not_allowed']);
  t.same(await code('TRACE'), [405, 'method_not_allowed']);
  t.same(await code('CONNECT', 'example.test:443'), [405, 'method_not_allowed']);
  t.equal(seen.length, 0);
  t.equal((await rawRequest(url, 'GET', '/public/x')).status, 200);
});

t.test('only the hosts that are served', async (t) => {
  const { url, seen } = await startTestGateway(t, {
    config: { listen: { host: '127.0.0.1', port: 0, hosts: ['api.test', '127.0.0.1'] } },
  });
  const status = async (host: string) =>
    (await rawRequest(url, 'GET', '/public/x', [`Host: ${host}`])).status;
  t.equal(await status('evil.test'), 421);
  t.equal(await status('api.test.evil.test'), 421);
  t.equal(seen.length, 0);
  for (const host of ['api.test', 'API.test:8443', 'api.test.']) t.equal(await status(host), 200, host);
});

t.test('an upgrade with a body is refused, never forwarded', async (t) => {
  const { url, seen } = await startTestGateway(t);
  const host = `Host: ${new URL(url).host}\r\n`;
  for (const upgrade of ['h2c', 'websocket']) {
    const bytes = `POST /public/x HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\nContent-Length: 4\r\n\r\nbody`;
    t.equal((await rawHttp(url, bytes)).status, 400, upgrade);
  }
  t.equal(seen.length, 0);
});

t.test('a giant chunk extension is refused', async (t) => {
  const { url, seen } = await startTestGateway(t);
  const bytes = `POST /public/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(50_000)}\r\nx\r\n0\r\n\r\n`;
  const { status } = await rawHttp(url, bytes);
  t.ok([400, 413].includes(status), `${status}`);
  t.equal(seen.length, 0);
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
