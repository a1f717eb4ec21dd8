import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** What a route can say, at a running gateway. */

const open = { methods: ['GET'], auth: 'public', upstream: 'app' };

t.test('hosts, headers and query decide who is let in', async (t) => {
  const { url, seen, token } = await startTestGateway(t, {
    config: { listen: { host: '127.0.0.1', port: 0, hosts: ['*.a.test', 'b.test'] } },
    routes: [
      { ...open, path: '/x', hosts: ['www.a.test'] },
      { ...open, path: '/x', hosts: ['*.a.test'], auth: 'caller' },
      { ...open, path: '/y', hosts: ['b.test'], headers: { 'X-Preview': 'yes' }, query: { v: '2' } },
    ],
  });
  const status = async (host: string, target: string, ...headers: string[]) =>
    (await rawRequest(url, 'GET', target, [`Host: ${host}`, ...headers])).status;
  t.equal(await status('www.a.test', '/x'), 200);
  t.equal(await status('WWW.A.test.:80', '/x'), 200);
  t.equal(await status('api.a.test', '/x'), 401);
  t.equal(await status('api.a.test', '/x', `Authorization: Bearer ${token()}`), 200);
  t.equal(await status('a.a.a.test', '/x'), 421);
  t.equal(await status('evil.test', '/x'), 421);
  t.equal(await status('b.test', '/x'), 404);
  t.equal(await status('api.a.test', '/x', 'X-Forwarded-Host: www.a.test'), 401);
  t.equal(await status('b.test', '/y?v=2', 'X-Preview: yes'), 200);
  t.equal(await status('b.test', '/y?v=2', 'X-Preview: yes', 'X-Preview: yes'), 404);
  t.equal(await status('b.test', '/y?v=2&v=3', 'X-Preview: yes'), 404);
  t.equal(await status('b.test', '/y'), 404);
  t.equal(seen.length, 4);
});

t.test('an upstream gets the path that its route makes, with what was decided on in its place', async (t) => {
  const any = { ...open, methods: ['GET', 'POST'] };
  const { url, seen, token } = await startTestGateway(t, {
    routes: [
      { ...any, path: '/api/*', strip_prefix: '/api' },
      { ...any, path: '/whole/path', strip_prefix: '/whole/path' },
      { ...any, path: '/shop/:shop/orders/:id', rewrite: '/v2/:id/of/:shop', encoded_slash: 'allow' },
      { ...any, path: '/deep/:first/*', rewrite: '/all/*' },
      { ...any, path: '/tail/:id', rewrite: '/v2/:id/items', auth: 'caller' },
    ],
  });
  const sent = async (target: string, ...headers: string[]) => {
    const before = seen.length;
    const { status } = await rawRequest(url, 'GET', target, headers);
    return seen.length > before ? seen.at(-1)?.url : status;
  };
  t.equal(await sent('/api/orders/1?a=%2F..//&b'), '/orders/1?a=%2F..//&b');
  t.equal(await sent('/api/'), '/');
  t.equal(await sent('/whole/path?x'), '/?x');
  t.equal(await sent('/shop/a%20b/orders/%C3%A9%2Fx'), '/v2/%C3%A9%2Fx/of/a%20b', 'encoded as decided on');
  t.equal(await sent('/shop/:id/orders/*'), '/v2/*/of/:id', 'what looks like a template is text');
  t.equal(await sent('/deep/1/a/%2A/c'), '/all/a/*/c');
  t.equal(await sent('/deep/1/'), '/all/');
  t.equal(await sent('/tail/7', `Authorization: Bearer ${token()}`), '/v2/7/items');
  t.equal(await sent('/tail/', `Authorization: Bearer ${token()}`), 400, 'would leave //');
  for (const attack of ['/api/../admin', '/api/%2e%2e/x', '/api//evil', '/deep/1/%252e%252e/x', '/api/a;b'])
    t.equal(await sent(attack), 400, attack);

  await rawRequest(url, 'GET', '/api/x', ['X-Forwarded-Prefix: /evil', 'X-Forwarded-Uri: /evil']);
  const headers = new Map(seen.at(-1)?.headers);
  t.equal(headers.get('x-forwarded-prefix'), '/api');
  t.notOk(headers.has('x-forwarded-uri'));
  await rawRequest(url, 'GET', '/deep/1/x', ['X-Forwarded-Prefix: /evil']);
  t.notOk(new Map(seen.at(-1)?.headers).has('x-forwarded-prefix'), 'never a client\u2019s');
});

t.test('a WebSocket goes to the path that its route makes', async (t) => {
  const { url, appServer } = await startTestGateway(t, {
    routes: [{ ...open, path: '/live/:room', rewrite: '/sockets/:room' }],
  });
  const server = new WebSocketServer({ server: appServer });
  t.teardown(() => server.close());
  const asked = once(server, 'connection') as Promise<[WebSocket, IncomingMessage]>;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/live/a%20b?x=1`);
  const [, request] = await asked;
  t.equal(request.url, '/sockets/a%20b?x=1');
  socket.terminate();
});

t.test('a redirect goes where config says, and nowhere else', async (t) => {
  const { url, seen, token } = await startTestGateway(t, {
    routes: [
      {
        path: '/old/*',
        methods: ['GET', 'POST'],
        auth: 'public',
        redirect: { to: 'https://new.test/*', status: 308 },
      },
      { path: '/a/:a/b/:b', methods: ['GET'], auth: 'public', redirect: { to: '/:b/:a' } },
      { path: '/fixed', methods: ['GET'], auth: 'caller', redirect: { to: 'https://new.test?from=old' } },
      { path: '/root', methods: ['GET'], auth: 'public', redirect: { to: '/', status: 301 } },
    ],
  });
  const answer = async (method: string, target: string, ...headers: string[]) => {
    const reply = await rawRequest(url, method, target, headers);
    return [reply.status, reply.headers.get('location')];
  };
  t.same(await answer('GET', '/old/x/%C3%A9?a=b'), [308, 'https://new.test/x/%C3%A9?a=b']);
  t.same(await answer('GET', '/old/'), [308, 'https://new.test/']);
  t.same(await answer('POST', '/old/x', 'Content-Length: 0'), [308, 'https://new.test/x']);
  t.same(await answer('GET', '/a/1/b/2?c'), [307, '/2/1?c']);
  t.same(await answer('GET', '/root'), [301, '/']);
  t.same(await answer('GET', '/a/evil.test/b/'), [400, undefined], '//evil.test would be another host');
  t.same(await answer('GET', '/old//evil.test'), [400, undefined]);
  t.same(await answer('GET', '/old/@evil.test/'), [308, 'https://new.test/@evil.test/']);
  t.same(await answer('GET', '/fixed?to=https://evil.test'), [401, undefined], 'auth holds here too');
  const allowed = await rawRequest(url, 'GET', '/fixed?to=evil', [`Authorization: Bearer ${token()}`]);
  t.same([allowed.status, allowed.headers.get('location')], [307, 'https://new.test/?from=old']);
  t.equal(allowed.headers.get('cache-control'), 'no-store');
  t.equal(allowed.headers.get('content-length'), '0');
  t.notOk(allowed.headers.has('content-type'));
  t.equal(seen.length, 0);
});

t.test('a fixed reply, with its auth', async (t) => {
  const { url, seen, token } = await startTestGateway(t, {
    routes: [
      { path: '/text', methods: ['GET', 'POST'], auth: 'public', reply: { body: 'gone \u2019til noon' } },
      { path: '/empty', methods: ['DELETE'], auth: 'public', reply: { status: 204 } },
      {
        path: '/json',
        methods: ['GET'],
        auth: { profile: 'caller', scopes: ['reports:read'] },
        reply: {
          status: 410,
          headers: { 'Cache-Control': 'private', Link: '</v2>; rel="next"' },
          body: { gone: [true] },
        },
      },
    ],
  });
  const text = await rawRequest(url, 'GET', '/text');
  t.equal(Buffer.from(text.body, 'latin1').toString(), 'gone \u2019til noon');
  t.equal(text.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.notOk(text.headers.has('cache-control'));
  const head = await rawRequest(url, 'HEAD', '/text');
  t.same([head.status, head.body, head.headers.get('content-length')], [200, '', '16']);
  t.equal((await rawRequest(url, 'POST', '/text', ['Content-Length: 3'], 'abc')).status, 200);
  t.equal((await rawRequest(url, 'DELETE', '/empty')).status, 204);
  t.equal((await rawRequest(url, 'GET', '/json')).status, 401);
  const bearer = (scope: string) => `Authorization: Bearer ${token({ scope })}`;
  t.equal((await rawRequest(url, 'GET', '/json', [bearer('orders:read')])).status, 403);
  const json = await rawRequest(url, 'GET', '/json', [bearer('reports:read')]);
  t.equal(json.status, 410);
  t.same(json.json(), { gone: [true] });
  t.equal(json.headers.get('content-type'), 'application/json');
  t.equal(json.headers.get('cache-control'), 'private');
  t.equal(json.headers.get('link'), '</v2>; rel="next"');
  t.ok(json.headers.get('x-request-id'));
  t.equal(seen.length, 0);
});
