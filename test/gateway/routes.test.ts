import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../fixtures/eventually.js';
import { type RawReply, rawHttp, rawRequest } from '../fixtures/raw-http.js';
import { describeSeen, startTestGateway } from '../fixtures/test-gateway.js';

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

t.test('a WebSocket\u2019s target goes out byte by byte as it was decided on', async (t) => {
  const { url, appServer, seen } = await startTestGateway(t, {
    routes: [{ ...open, path: '/live/*' }],
  });
  const server = new WebSocketServer({ noServer: true });
  appServer.on('upgrade', (request, socket, head) => {
    seen.push(describeSeen(request, ''));
    server.handleUpgrade(request, socket, head, (peer) => peer.close());
  });
  const handshake =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  // What a URL parser would write otherwise, and a WebSocket client of today uses one.
  for (const target of ['/live/a?', "/live/a'b", '/live/x?q={1}|^`"<>', '/live/x?a=b?c']) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${handshake}\r\n\r\n`);
    await eventually(
      async () => seen.at(-1)?.url,
      (seenUrl) => seenUrl === target,
    );
    t.equal(seen.at(-1)?.url, target);
    socket.destroy();
  }
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

t.test('headers that a route sets and removes', async (t) => {
  const rules = {
    request_headers: {
      set: { Authorization: 'Basic c2VydmljZTpzZWNyZXQ=', 'X-Tenant': 'a b' },
      remove: ['X-Debug', 'Cookie'],
    },
    response_headers: {
      set: { 'X-Frame-Options': 'DENY', 'Cache-Control': 'max-age=60' },
      remove: ['Server'],
    },
  };
  const { url, seen, answer, logs } = await startTestGateway(t, {
    routes: [
      { ...open, path: '/x', ...rules },
      { ...open, path: '/y', auth: 'caller', ...rules },
      {
        path: '/z',
        methods: ['GET'],
        auth: 'public',
        reply: { headers: { 'X-Frame-Options': 'SAMEORIGIN' } },
        response_headers: rules.response_headers,
      },
    ],
  });
  answer((_request, response) => {
    response.writeHead(200, [
      ...[
        'Server',
        'upstream/1.0',
        'X-Frame-Options',
        'ALLOW',
        'x-frame-options',
        'ALLOW',
        'X-Other',
        'kept',
      ],
      ...['Trailer', 'Server, X-Sum', 'Transfer-Encoding', 'chunked'],
    ]);
    response.write('body');
    response.addTrailers({ Server: 'late', 'X-Sum': '1' });
    response.end();
  });
  const reply = await rawHttp(
    url,
    `GET /x HTTP/1.1\r\nHost: a\r\nConnection: close, x-tenant\r\nX-Debug: 1\r\nx-debug: 2\r\nCookie: a=b\r\nX-Tenant: forged\r\nAuthorization: Bearer x\r\n\r\n`,
  );
  t.equal(reply.status, 200);
  const sent = seen.at(-1)?.headers ?? [];
  const values = (name: string) => sent.filter(([other]) => other === name).map(([, value]) => value);
  t.same(values('authorization'), ['Basic c2VydmljZTpzZWNyZXQ=']);
  t.same(values('x-tenant'), ['a b']);
  t.same([...values('x-debug'), ...values('cookie')], []);
  t.notOk(reply.headers.has('server'));
  t.equal(reply.headers.get('x-frame-options'), 'DENY');
  t.equal(reply.headers.get('cache-control'), 'max-age=60');
  t.equal(reply.headers.get('x-other'), 'kept');
  t.notMatch(reply.body, /late/);

  const refused = await rawRequest(url, 'GET', '/y');
  t.equal(refused.status, 401);
  t.equal(refused.headers.get('x-frame-options'), 'DENY', 'on refusals too');
  t.equal(refused.headers.get('cache-control'), 'no-store', 'but what the refusal itself says stays');
  t.equal(refused.headers.get('content-type'), 'application/problem+json');
  t.equal((await rawRequest(url, 'GET', '/z')).headers.get('x-frame-options'), 'SAMEORIGIN');
  t.notOk(logs.join().includes('c2VydmljZTpzZWNyZXQ'));
});

t.test('CORS: a preflight needs no token, and pages can read why they were refused', async (t) => {
  const app = 'https://app.test';
  const cors = {
    origins: [app, 'http://localhost:3000'],
    credentials: true,
    expose: ['ETag'],
    max_age: '1h',
  };
  const { url, seen, token, answer } = await startTestGateway(t, {
    routes: [
      {
        path: '/api/*',
        methods: ['GET', 'PUT'],
        auth: { profile: 'caller', scopes: ['orders:read'] },
        upstream: 'app',
        cors,
      },
      {
        path: '/any',
        methods: ['GET', 'OPTIONS'],
        auth: 'public',
        upstream: 'app',
        cors: { origins: ['*'], headers: [] },
      },
      { path: '/none', methods: ['GET', 'OPTIONS'], auth: 'public', upstream: 'app' },
      { path: '/away', methods: ['GET'], auth: 'public', upstream: 'away', cors },
      { path: '/moved', methods: ['GET'], auth: 'public', redirect: { to: '/any' }, cors },
    ],
    upstreams: { away: { url: 'https://127.0.0.1:2', spiffe_id: 'spiffe://gatehouse.internal/away' } },
  });
  const corsOf = (reply: RawReply) =>
    [...reply.headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary').sort();
  const allowed = [
    ['access-control-allow-credentials', 'true'],
    ['access-control-allow-origin', app],
    ['access-control-expose-headers', 'WWW-Authenticate, Retry-After, X-Request-Id, ETag'],
  ];
  const preflight = (target: string, origin: string, method: string) =>
    rawRequest(url, 'OPTIONS', target, [`Origin: ${origin}`, `Access-Control-Request-Method: ${method}`]);

  const asked = await preflight('/api/x', app, 'PUT');
  t.equal(asked.status, 204);
  t.same(corsOf(asked), [
    allowed[0],
    ['access-control-allow-headers', 'Content-Type, Authorization'],
    ['access-control-allow-methods', 'GET, PUT, HEAD'],
    allowed[1],
    allowed[2],
    ['access-control-max-age', '3600'],
    ['vary', 'Origin'],
  ]);
  const evil = await preflight('/api/x', 'https://evil.test', 'PUT');
  t.same([evil.status, evil.json()['code'], corsOf(evil)], [403, 'origin_not_allowed', [['vary', 'Origin']]]);
  t.equal((await preflight('/api/x', app, 'DELETE')).status, 405, 'no route, no CORS');
  t.equal((await preflight('/api/%2e%2e/x', app, 'PUT')).status, 400);
  t.equal(seen.length, 0, 'no preflight went on');
  t.equal((await preflight('/none', app, 'GET')).status, 200);
  t.equal(seen.length, 1, 'but where the route has no CORS');
  t.same(corsOf(await preflight('/any', 'https://evil.test', 'GET')).slice(0, 3), [
    ['access-control-allow-headers', ''],
    ['access-control-allow-methods', 'GET, OPTIONS, HEAD'],
    ['access-control-allow-origin', '*'],
  ]);

  const get = (target: string, ...headers: string[]) => rawRequest(url, 'GET', target, headers);
  const from = `Origin: ${app}`;
  const bearer = (claims: object) => `Authorization: Bearer ${token({ scope: 'orders:read', ...claims })}`;
  const vary = ['vary', 'Origin'];
  for (const [name, status, reply] of [
    ['without a token', 401, await get('/api/x', from)],
    ['without the scope', 403, await get('/api/x', from, bearer({ scope: 'a' }))],
    ['with a dead upstream', 502, await get('/away', from)],
    ['with a redirect', 307, await get('/moved', from)],
  ] as const) {
    t.equal(reply.status, status, name);
    t.same(corsOf(reply), [...allowed, vary], name);
  }
  t.same(corsOf(await get('/api/x', 'Origin: https://evil.test')), [vary]);
  t.same(corsOf(await get('/api/x', from, from)), [vary], 'two origins are nobody\u2019s');
  t.same(corsOf(await get('/api/x')), [vary]);
  t.same(corsOf(await get('/nowhere', from)), []);

  answer((_request, response) => {
    response.setHeader('Access-Control-Allow-Origin', 'https://evil.test');
    response.setHeader('Access-Control-Allow-Credentials', 'false');
    response.setHeader('Access-Control-Expose-Headers', 'X-Secret');
    response.end();
  });
  const good = await get('/api/x', from, bearer({}));
  t.same([good.status, corsOf(good)], [200, [...allowed, vary]], 'the upstream\u2019s own are replaced');
  t.equal((await get('/none', from)).headers.get('access-control-allow-origin'), 'https://evil.test');
  t.equal((await get('/any')).headers.get('access-control-allow-origin'), '*');
});

t.test('what holds for all routes is said once', async (t) => {
  const { url, answer } = await startTestGateway(t, {
    config: {
      defaults: {
        max_body: '8B',
        rate_limit: { requests: 1, per: '1h' },
        cors: { origins: ['https://default.test'] },
        request_headers: { set: { 'X-From': 'defaults' } },
        response_headers: { set: { 'X-A': '1', 'X-B': '2' }, remove: ['Server'] },
      },
      auth: { caller: { issuers: ['main'], cors: { origins: ['https://profile.test'] } } },
    },
    routes: [
      { ...open, methods: ['GET', 'POST'], path: '/plain' },
      {
        ...open,
        methods: ['POST'],
        path: '/own',
        max_body: '64B',
        rate_limit: false,
        cors: false,
        response_headers: { set: { 'x-a': 'own', Server: 'own' }, remove: ['X-B'] },
      },
      { ...open, path: '/private', auth: 'caller' },
      { path: '/fixed', methods: ['GET'], auth: 'public', reply: { body: 'ok' }, rate_limit: false },
    ],
  });
  answer((request, response) => {
    response.setHeader('server', 'upstream');
    response.setHeader('x-b', 'upstream');
    response.end(String(request.headers['x-from']));
  });
  const post = (target: string) =>
    rawRequest(url, 'POST', target, ['Content-Length: 16', 'Origin: https://default.test'], 'x'.repeat(16));
  const header = (reply: RawReply, ...names: string[]) => names.map((name) => reply.headers.get(name));
  const plain = await post('/plain');
  t.equal(plain.status, 413);
  t.same(header(plain, 'x-a', 'x-b', 'access-control-allow-origin'), ['1', '2', 'https://default.test']);
  t.equal((await rawRequest(url, 'GET', '/plain')).status, 429);
  for (let i = 0; i < 2; i++) {
    const own = await post('/own');
    t.same([own.status, own.body], [200, 'defaults']);
    t.same(header(own, 'x-a', 'x-b', 'server', 'vary'), ['own', undefined, 'own', undefined]);
  }
  const origin = 'Origin: https://profile.test';
  const refused = await rawRequest(url, 'GET', '/private', [origin]);
  t.same(header(refused, 'access-control-allow-origin'), ['https://profile.test']);
  t.same(header(await rawRequest(url, 'GET', '/fixed'), 'x-a', 'vary'), ['1', 'Origin']);
});
