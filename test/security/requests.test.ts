import t from 'tap';
import { rawHttp, rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const header = (headers: [string, string][] | undefined, name: string): string[] =>
  (headers ?? []).filter(([n]) => n === name).map(([, value]) => value);

t.test('identity headers of the client never arrive, on public routes too', async (t) => {
  const { url, seen, token } = await startTestGateway(t);
  const forged = [
    'X-Identity-Subject: root',
    'x-identity-subject: root',
    'X-IDENTITY-ROLES: admin',
    'x-identity-anything: 1',
    'Client-Cert: :AAAA:',
    'X-Forwarded-For: 1.2.3.4',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Proto: gopher',
    'Forwarded: for=1.2.3.4',
    'X-Real-IP: 1.2.3.4',
    'X-Original-URL: /api/admin',
    'X-Rewrite-URL: /api/admin',
    'X-HTTP-Method-Override: DELETE',
    'X-Request-Id: forged',
  ];
  t.equal((await rawRequest(url, 'GET', '/public/x', forged)).status, 200);
  t.equal(
    (await rawRequest(url, 'GET', '/api/x', [...forged, `Authorization: Bearer ${token()}`])).status,
    200,
  );
  const [anonymous, user] = seen;
  t.same(header(anonymous?.headers, 'x-identity-subject'), []);
  t.same(header(anonymous?.headers, 'x-identity-kind'), ['anonymous']);
  t.same(header(user?.headers, 'x-identity-subject'), ['user-1']);
  t.same(header(user?.headers, 'x-identity-roles'), ['user']);
  for (const request of seen) {
    for (const name of [
      'x-identity-anything',
      'client-cert',
      'forwarded',
      'x-real-ip',
      'x-original-url',
      'x-rewrite-url',
      'x-http-method-override',
    ]) {
      t.same(header(request.headers, name), [], name);
    }
    t.same(header(request.headers, 'x-forwarded-for'), ['127.0.0.1']);
    t.same(header(request.headers, 'x-forwarded-proto'), ['http']);
    t.not(header(request.headers, 'x-request-id')[0], 'forged');
  }
});

t.test('Connection cannot name an identity header away', async (t) => {
  const { url, seen, token } = await startTestGateway(t);
  for (const line of [
    'Connection: x-identity-subject',
    'connection: close, X-Identity-Subject',
    'Connection: authorization, host',
  ]) {
    const reply = await rawRequest(url, 'GET', '/api/x', [line, `Authorization: Bearer ${token()}`]);
    t.equal(reply.status, 200, line);
    t.same(header(seen.at(-1)?.headers, 'x-identity-subject'), ['user-1'], line);
  }
});

t.test('look-alikes that other servers read as reserved are refused', async (t) => {
  const { url, seen } = await startTestGateway(t);
  for (const name of [
    'x_identity_subject',
    'x.identity.subject',
    'X-Identity_Subject',
    'client_cert',
    'Transfer_Encoding',
  ]) {
    const reply = await rawRequest(url, 'GET', '/public/x', [`${name}: root`]);
    t.same([reply.status, reply.json()['code']], [400, 'header_name'], name);
  }
  t.equal(seen.length, 0);
});

t.test('what is not for the upstream stays here', async (t) => {
  const { url, seen } = await startTestGateway(t);
  await rawRequest(url, 'GET', '/public/x', [
    'Authorization: Bearer anything',
    'Cookie: a=1; __Host-gatehouse-refresh=gtr_secret; b=2',
    'Proxy-Authorization: Basic x',
    'TE: trailers',
    'Keep-Alive: timeout=5',
  ]);
  const [request] = seen;
  for (const name of ['authorization', 'proxy-authorization', 'te', 'keep-alive'])
    t.same(header(request?.headers, name), [], name);
  t.same(header(request?.headers, 'cookie'), ['a=1; b=2']);
});

t.test('a claim with any characters arrives as one header, encoded', async (t) => {
  const { url, seen, token } = await startTestGateway(t);
  const reply = await fetch(`${url}/api/x`, {
    headers: { authorization: `Bearer ${token({ sub: 'Zoë 🙂 100%', roles: ['x admin', 'b'] })}` },
  });
  t.equal(reply.status, 200);
  t.same(header(seen[0]?.headers, 'x-identity-subject'), ['Zo%C3%AB%20%F0%9F%99%82%20100%25']);
  t.same(header(seen[0]?.headers, 'x-identity-roles'), ['x%20admin b']);
  const many = token({ roles: Array.from({ length: 300 }, (_, i) => `role-${i}-äää`) });
  const tooLarge = await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${many}` } });
  t.match(await tooLarge.json(), { status: 403, code: 'identity_too_large' });
});

t.test('a path has one reading or none', async (t) => {
  const routes = [
    { path: '/admin', methods: ['GET'], auth: 'caller', upstream: 'app' },
    { path: '/public/*', methods: ['GET'], auth: 'public', upstream: 'app' },
    { path: '/file/:name', methods: ['GET'], auth: 'public', upstream: 'app', encoded_slash: 'allow' },
  ];
  const { url, seen, gateway } = await startTestGateway(t, { routes });
  const status = async (target: string): Promise<unknown> => {
    const reply = await rawRequest(url, 'GET', target);
    return reply.status === 200 ? seen.at(-1)?.url : [reply.status, reply.json()['code']];
  };
  const refused = [
    '/public/../admin',
    '/public/%2e%2e/admin',
    '/public/.%2e/admin',
    '/public/%2E./admin',
    '/public/%252e%252e/admin',
    '/public/%25252e%25252e/admin',
    '/public/./x',
    '/public/a%2fb',
    '/public/a%252fb',
    '/public/a%5cb',
    '/public/a\\b',
    '//public/x',
    '/public//x',
    '/public/x;a=b',
    '/public/x%3bb',
    '/public/..;/admin',
    '/public/x%00',
    '/public/x%0d%0a',
    '/public/%c0%ae%c0%ae/admin',
    '/public/%ff',
    '/public/%zz',
    '/public/%',
    '/public/x#y',
    '*',
    `http://evil.test/public/x`,
    '/file/..%2f..%2fadmin',
  ];
  for (const target of refused) t.same(await status(target), [400, 'path_invalid'], target);
  t.equal(seen.length, 0);
  t.same(await status('/%61dmin'), [401, 'credentials_missing'], 'decides as /admin');
  t.same(await status('/admin/'), [404, 'route_not_found'], 'another path');
  t.same(await status('/ADMIN'), [404, 'route_not_found'], 'another path');
  t.same(await status('/admin.'), [404, 'route_not_found'], 'another path');
  t.same(await status('/admin?/public/x'), [401, 'credentials_missing'], 'the query is no path');
  t.equal(
    await status('/%70ublic/a%20b%C3%A9?q=%2e%2e/x&r=a//b'),
    '/public/a%20b%C3%A9?q=%2e%2e/x&r=a//b',
    'forwarded as decided',
  );
  t.equal(await status(`${gateway.url}/public/x`), '/public/x', 'absolute form of our own authority');
  t.equal(await status('/file/a%2Fb'), '/file/a%2Fb', 'where the route allows it');
});

t.test('requests that servers frame differently are refused, and the connection closed', async (t) => {
  const { url, seen } = await startTestGateway(t);
  const host = `Host: ${new URL(url).host}\r\n`;
  const post = (headers: string, body = ''): string =>
    `POST /public/x HTTP/1.1\r\n${host}${headers}\r\n${body}`;
  const get = (headers: string, body = ''): string =>
    `GET /public/x HTTP/1.1\r\n${host}${headers}\r\n${body}`;
  const cases: Record<string, string> = {
    'length and chunked': post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    'odd encoding': post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    'encoding twice': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    'identity encoding': post('Transfer-Encoding: identity\r\nContent-Length: 1\r\n', 'x'),
    'two lengths': post('Content-Length: 1\r\nContent-Length: 2\r\n', 'xx'),
    'two equal lengths': post('Content-Length: 1\r\nContent-Length: 1\r\n', 'x'),
    'signed length': post('Content-Length: +1\r\n', 'x'),
    'hex length': post('Content-Length: 0x1\r\n', 'x'),
    'length list': post('Content-Length: 1, 1\r\n', 'x'),
    'obs-fold': get('X-A: a\r\n b\r\n'),
    'space before colon': get('X-A : a\r\n'),
    'bare line feeds': `GET /public/x HTTP/1.1\nHost: a\n\n`,
    'bad chunk size': post('Transfer-Encoding: chunked\r\n', 'zz\r\nx\r\n0\r\n\r\n'),
    'encoding on HTTP/1.0': `POST /public/x HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'HTTP/0.9': 'GET /public/x\r\n\r\n',
    'body on GET': get('Content-Length: 1\r\n', 'x'),
    'chunked GET': get('Transfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    'no host': 'GET /public/x HTTP/1.1\r\n\r\n',
    'two hosts': `GET /public/x HTTP/1.1\r\n${host}Host: evil.test\r\n\r\n`,
    'host with userinfo': 'GET /public/x HTTP/1.1\r\nHost: a@b\r\n\r\n',
    'host list': 'GET /public/x HTTP/1.1\r\nHost: a,b\r\n\r\n',
  };
  for (const [name, bytes] of Object.entries(cases)) {
    const reply = await rawHttp(url, bytes);
    t.equal(reply.status, 400, name);
  }
  t.equal(seen.length, 0, 'not one of them reached the upstream');
  t.equal((await rawRequest(url, 'GET', '/public/x', ['Expect: the-moon'])).status, 417);
  t.equal((await rawRequest(url, 'GET', '/public/x', [`X-A: ${'a'.repeat(20_000)}`])).status, 431);
  t.equal((await rawRequest(url, 'GET', '/public/x')).status, 200, 'and a good one right after');
});

t.test('an upgrade to anything but WebSocket is ignored', async (t) => {
  const { url, seen } = await startTestGateway(t);
  const lines = [
    `Host: ${new URL(url).host}`,
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
  ];
  const reply = await rawHttp(url, `GET /public/x HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  t.equal(reply.status, 200);
  t.same(header(seen[0]?.headers, 'upgrade'), []);
});
