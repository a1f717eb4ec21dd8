import t from 'tap';
import { DECIDING_ROUTES, refusedTargets } from '../fixtures/attack-paths.js';
import { type Attack, type Attempt, refuseAll, send } from '../fixtures/attacks.js';
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
    'X-Forwarded-Port: 1',
    'X-Forwarded-Prefix: /admin',
    'X-Forwarded-User: root',
    'X-Forwarded-Client-Cert: Subject="CN=root"',
    'X_Forwarded_For: 1.2.3.4',
    'X.Forwarded.User: root',
    'X_Real_IP: 1.2.3.4',
    'X_HTTP_Method_Override: DELETE',
    'X_Original_URL: /api/admin',
    'True-Client-IP: 1.2.3.4',
    'X-Original-Host: evil.test',
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
      'x-forwarded-port',
      'x-forwarded-prefix',
      'x-forwarded-user',
      'x-forwarded-client-cert',
      'x_forwarded_for',
      'x.forwarded.user',
      'x_real_ip',
      'x_http_method_override',
      'x_original_url',
      'true-client-ip',
      'x-original-host',
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
  const body = 'Content-Type: text/plain\r\nCookie: a=1\r\nContent-Length: 4';
  await rawHttp(
    url,
    post(`Connection: close, content-type, content-length, cookie, host\r\n${body}`, 'ping'),
  );
  const arrived = seen.at(-1);
  t.equal(arrived?.body, 'ping');
  for (const [name, value] of [
    ['content-type', 'text/plain'],
    ['cookie', 'a=1'],
    ['host', 'a'],
  ] as const)
    t.same(header(arrived?.headers, name), [value], `nor ${name}`);
});

t.test('look-alikes that other servers read as reserved are refused', async (t) => {
  const { url, seen } = await startTestGateway(t);
  for (const name of [
    'x_identity_subject',
    'x.identity.subject',
    'X-Identity_Subject',
    'x!identity!subject',
    'x|identity-roles',
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
  const gateway = await startTestGateway(t, { routes: DECIDING_ROUTES });
  const { url, seen } = gateway;
  const status = async (target: string): Promise<unknown> => {
    const reply = await rawRequest(url, 'GET', target);
    return reply.status === 200 ? seen.at(-1)?.url : [reply.status, reply.json()['code']];
  };
  await refuseAll(
    t,
    gateway,
    () => ({ target: '/public/x', headers: [] }),
    Object.fromEntries(
      refusedTargets(new URL(url).host).map((target) => [
        target,
        { target, headers: [], expect: [400, 'path_invalid'] },
      ]),
    ),
  );
  seen.length = 0;
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
  t.equal(await status(`${url}/public/x`), '/public/x', 'absolute form of our own authority');
  const long = 'a'.repeat(9000);
  t.same(await status(`/users/${long}`), [401, 'credentials_missing'], 'long parameters are parameters');
  t.equal(await status('/file/a%2Fb'), '/file/a%2Fb', 'where the route allows it');
});

const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
].join('\r\n');

const GOOD: Attempt = { target: '/public/x', headers: [] };
const START = 'POST /public/x HTTP/1.1\r\nHost: a\r\n';
const GET = 'GET /public/x HTTP/1.1\r\nHost: a\r\n';
/** What a server that ended the request before it elsewhere would take for a request of its own. */
const SMUGGLED = 'GET /public/smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

const LENGTH = `Content-Length: ${SMUGGLED.length}`;

const post = (headers: string, body = ''): string => `${START}${headers}\r\n\r\n${body}`;
const get = (headers: string, body = ''): string => `${GET}${headers}\r\n\r\n${body}`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked', body);
const wire = (bytes: string, status = 400, code = 'request_invalid'): Attack => ({
  bytes,
  expect: [status, code],
});

t.test('requests that servers frame differently are refused, and the connection closed', async (t) => {
  const gateway = await startTestGateway(t);
  await refuseAll(t, gateway, () => GOOD, {
    'length and chunked': wire(
      post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`),
    ),
    'chunked and length': wire(
      post('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${SMUGGLED}`),
    ),
    'gzip, chunked': wire(post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n')),
    'chunked, chunked': wire(post('Transfer-Encoding: chunked, chunked', '0\r\n\r\n')),
    'an encoding that nobody knows': wire(post('Transfer-Encoding: xchunked', '0\r\n\r\n')),
    'an encoding in quotes': wire(post('Transfer-Encoding: "chunked"', '0\r\n\r\n')),
    'an encoding with a parameter': wire(post('Transfer-Encoding: chunked;q=1', '0\r\n\r\n')),
    'an encoding behind a vertical tab': wire(post('Transfer-Encoding: \x0bchunked', '0\r\n\r\n')),
    'no encoding': wire(post('Transfer-Encoding: ')),
    'encoding twice': wire(post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n')),
    'encoding twice, once identity': wire(
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', '0\r\n\r\n'),
    ),
    'identity encoding': wire(post('Transfer-Encoding: identity')),
    'identity encoding and a length': wire(post('Transfer-Encoding: identity\r\nContent-Length: 1', 'x')),
    'encoding on HTTP/1.0': wire(
      'POST /public/x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ),
    'two lengths': wire(post('Content-Length: 1\r\nContent-Length: 2', 'xx')),
    'two equal lengths': wire(post('Content-Length: 1\r\nContent-Length: 1', 'x')),
    'length list': wire(post('Content-Length: 1, 1', 'x')),
    'length +1': wire(post('Content-Length: +1', 'x')),
    'length -1': wire(post('Content-Length: -1', 'x')),
    'length in hex': wire(post('Content-Length: 0x1', 'x')),
    'length 1.0': wire(post('Content-Length: 1.0', 'x')),
    'length past 64 bits': wire(post('Content-Length: 18446744073709551617', 'x')),
    'length empty': wire(post('Content-Length: ')),
    'obs-fold': wire(get('X-A: a\r\n b')),
    'obs-fold in Transfer-Encoding': wire(post('Transfer-Encoding:\r\n chunked', '0\r\n\r\n')),
    'obs-fold in the first header': wire(`GET /public/x HTTP/1.1\r\n X-A: a\r\nHost: a\r\n\r\n`),
    'bare line feeds': wire('GET /public/x HTTP/1.1\nHost: a\n\n'),
    'one bare line feed': wire('GET /public/x HTTP/1.1\r\nHost: a\nX-A: a\r\n\r\n'),
    'a bare line feed at the end': wire('GET /public/x HTTP/1.1\r\nHost: a\r\n\n'),
    'a bare carriage return': wire(get('X-A: a\rX-B: b')),
    'a bare carriage return at the end': wire(`GET /public/x HTTP/1.1\r\nHost: a\r\n\r${SMUGGLED}`),
    'NUL in a header': wire(get('X-A: a\0b')),
    'chunk size no number': wire(chunked('zz\r\nx\r\n0\r\n\r\n')),
    'chunk size empty': wire(chunked('\r\nx\r\n0\r\n\r\n')),
    'chunk size -1': wire(chunked('-1\r\nx\r\n0\r\n\r\n')),
    'chunk size 0x1': wire(chunked('0x1\r\nx\r\n0\r\n\r\n')),
    'chunk size past 64 bits': wire(chunked('10000000000000001\r\nx\r\n0\r\n\r\n')),
    'chunk size with a space': wire(chunked('1 \r\nx\r\n0\r\n\r\n')),
    'chunk size with a bare line feed': wire(chunked('1\nx\r\n0\r\n\r\n')),
    'chunk extension with a line feed': wire(chunked('1;a\nb\r\nx\r\n0\r\n\r\n')),
    'chunk extension, giant': wire(
      chunked(`1;${'x'.repeat(50_000)}\r\nx\r\n0\r\n\r\n`),
      413,
      'body_too_large',
    ),
    'space before the colon': wire(get('X-A : a')),
    'space before the colon of Transfer-Encoding': wire(post('Transfer-Encoding : chunked', '0\r\n\r\n')),
    'space before a name': wire(post(' Transfer-Encoding: chunked', '0\r\n\r\n')),
    'a line without a colon': wire(get('X-A')),
    'a name of nothing': wire(get(': a')),
    'a name of 8 bits': wire(get('X-\xe9: a')),
    Transfer_Encoding: wire(post('Transfer_Encoding: chunked\r\nContent-Length: 0'), 400, 'header_name'),
    'Transfer.Encoding': wire(post('Transfer.Encoding: chunked\r\nContent-Length: 0'), 400, 'header_name'),
    Content_Length: wire(post('Content_Length: 9\r\nContent-Length: 0'), 400, 'header_name'),
    'HTTP/0.9': wire('GET /public/x\r\n\r\n', 400, 'host_invalid'),
    'HTTP/0.9, with a version': wire('GET /public/x HTTP/0.9\r\nHost: a\r\n\r\n'),
    'HTTP/1.2': wire('GET /public/x HTTP/1.2\r\nHost: a\r\n\r\n'),
    'HTTP/2.0': wire('GET /public/x HTTP/2.0\r\nHost: a\r\n\r\n'),
    'the preface of HTTP/2': wire('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    'GET with a length': wire(get('Content-Length: 5', 'hello')),
    'GET with a length of 00': wire(get('Content-Length: 00')),
    'GET chunked': wire(get('Transfer-Encoding: chunked', '0\r\n\r\n')),
    'HEAD with a length': wire(get('Content-Length: 5', 'hello').replace('GET', 'HEAD'), 400, 'none'),
    'HEAD chunked': wire(get('Transfer-Encoding: chunked', '0\r\n\r\n').replace('GET', 'HEAD'), 400, 'none'),
    'Expect that nobody knows': wire(
      post('Expect: the-moon\r\nContent-Length: 1', 'x'),
      417,
      'expectation_failed',
    ),
    'Expect of two': wire(
      post('Expect: 100-continue, the-moon\r\nContent-Length: 1', 'x'),
      417,
      'expectation_failed',
    ),
    'no host': wire('GET /public/x HTTP/1.1\r\n\r\n', 400, 'host_invalid'),
    'no host, HTTP/1.0': wire('GET /public/x HTTP/1.0\r\n\r\n', 400, 'host_invalid'),
    'two hosts': wire(get('Host: evil.test'), 400, 'host_invalid'),
    'host with userinfo': wire('GET /public/x HTTP/1.1\r\nHost: a@b\r\n\r\n', 400, 'host_invalid'),
    'host list': wire('GET /public/x HTTP/1.1\r\nHost: a,b\r\n\r\n', 400, 'host_invalid'),
    'host empty': wire('GET /public/x HTTP/1.1\r\nHost: \r\n\r\n', 400, 'host_invalid'),
    'host with a path': wire('GET /public/x HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'host_invalid'),
    'an upgrade with a body': wire(
      post('Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4', 'body'),
      400,
      'upgrade_invalid',
    ),
    'an upgrade with a chunked body': wire(
      post('Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
      400,
      'upgrade_invalid',
    ),
    'a WebSocket with a body': wire(
      post('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4', 'body'),
      400,
      'upgrade_invalid',
    ),
    'a WebSocket by POST': wire(`${START}${HANDSHAKE}\r\n`, 400, 'upgrade_invalid'),
    'a WebSocket without a key': wire(
      get('Connection: Upgrade\r\nUpgrade: websocket'),
      400,
      'upgrade_invalid',
    ),
    'a WebSocket of another version': wire(
      `${GET}${HANDSHAKE.replace('13', '8')}\r\n`,
      400,
      'upgrade_invalid',
    ),
    'a WebSocket that offers a subprotocol twice': wire(
      get(`${HANDSHAKE}Sec-WebSocket-Protocol: chat, chat`),
      400,
      'upgrade_invalid',
    ),
    'a WebSocket that offers what is no subprotocol': wire(
      get(`${HANDSHAKE}Sec-WebSocket-Protocol: chat, (chat)`),
      400,
      'upgrade_invalid',
    ),
    'a WebSocket that offers nothing': wire(
      get(`${HANDSHAKE}Sec-WebSocket-Protocol: `),
      400,
      'upgrade_invalid',
    ),
    'headers over the limit': wire(get(`X-A: ${'a'.repeat(20_000)}`), 431, 'headers_too_large'),
    'more headers than Node counts': wire(get('A:b\r\n'.repeat(2100).trimEnd()), 431, 'headers_too_large'),
    'a raw character in the path': wire('GET /public/\xe9 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'path_invalid'),
    'authority-form': wire('GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'path_invalid'),
  });
});

t.test('a body on GET or HEAD goes to routes that say so, and nowhere else', async (t) => {
  const to = (path: string, more: object = {}) => ({ path, methods: ['GET', 'POST'], ...more });
  const gateway = await startTestGateway(t, {
    routes: [
      to('/public/*', { auth: 'public', upstream: 'app' }),
      to('/search', { auth: 'public', upstream: 'app', body_on_get: 'allow', max_body: '8B' }),
      to('/mine', { auth: 'caller', upstream: 'app', body_on_get: 'allow' }),
      { path: '/made', methods: ['POST'], auth: 'public', upstream: 'app', body_on_get: 'allow' },
      to('/text', { auth: 'public', reply: { body: 'x' } }),
      to('/pages', { auth: 'public', upstream: 'app', cors: { origins: ['https://app.test'] } }),
    ],
  });
  const at = (path: string, more: Partial<Attack> = {}): Attack =>
    ({
      target: path,
      headers: [LENGTH],
      body: SMUGGLED,
      expect: [400, 'request_invalid'],
      ...more,
    }) as Attack;
  await refuseAll(t, gateway, () => GOOD, {
    'another route': at('/public/x'),
    'no route': at('/none'),
    'another method': at('/made'),
    'a reply': at('/text'),
    'a route with CORS': at('/pages', { headers: [LENGTH, 'Origin: https://app.test'] }),
    'the gateway\u2019s own keys': at('/.well-known/gatehouse/jwks.json'),
    'what looks like such a path': at('/search/'),
    'too much of it': at('/search', { expect: [413, 'body_too_large'] }),
  });

  const { url, seen } = gateway;
  seen.length = 0;
  const head = 'Host: a\r\nConnection: close\r\n';
  const sent = [
    `GET /search HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nhello`,
    `GET /search HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `HEAD /search HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nhello`,
  ];
  for (const bytes of sent) {
    const reply = await rawHttp(url, bytes);
    t.strictSame([reply.status, reply.excess], [200, ''], bytes);
  }
  t.strictSame(
    seen.map(({ method, body }) => `${method} ${body}`),
    ['GET hello', 'GET hello', 'HEAD hello'],
    'the upstream gets it',
  );
  const refused = await rawRequest(url, 'GET', '/mine', ['Content-Length: 5'], 'hello');
  t.strictSame([refused.status, seen.length], [401, 3], 'once the caller is allowed');
  const over = `${'9\r\nhellohell\r\n'}0\r\n\r\n`;
  const cut = await rawHttp(url, `GET /search HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n${over}`);
  t.equal(cut.status, 413, 'and within max_body');
});

t.test('a chunked body that turns bad is answered once, and cut', async (t) => {
  const { url, seen } = await startTestGateway(t);
  for (const rest of [
    'x0\r\n\r\n',
    'xy\r\n0\r\n\r\n',
    'x\n0\r\n\r\n',
    'x\r\n0\r\nX : a\r\n\r\n',
    'x\r\n0\n\n',
  ]) {
    const reply = await rawHttp(url, chunked(`1\r\n${rest}`));
    t.strictSame([reply.status, reply.excess, reply.isClosed], [400, '', true], JSON.stringify(rest));
  }
  t.equal(seen.length, 0, 'none was whole at the upstream');
  t.equal((await send(url, GOOD)).status, 200);
});

t.test('what is odd and yet has one meaning is served', async (t) => {
  const { url, seen } = await startTestGateway(t);
  const served: Record<string, string> = {
    'GET with a length of 0': get('Content-Length: 0\r\nConnection: close'),
    'a chunk extension': chunked('1;a=b\r\nx\r\n0\r\n\r\n').replace('Host', 'Connection: close\r\nHost'),
    'Transfer-Encoding in capitals': post('Connection: close\r\nTransfer-Encoding: CHUNKED', '0\r\n\r\n'),
    'Upgrade without Connection': get('Upgrade: websocket\r\nConnection: close'),
    'Connection: x-upgrade': get('Upgrade: websocket\r\nConnection: x-upgrade, close'),
    'HTTP/1.0': 'GET /public/x HTTP/1.0\r\nHost: a\r\n\r\n',
    'Expect on HTTP/1.0':
      'POST /public/x HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx',
  };
  for (const [name, bytes] of Object.entries(served)) {
    const { status, excess } = await rawHttp(url, bytes);
    t.strictSame([status, excess], [200, ''], name);
  }
  t.equal(seen.length, Object.keys(served).length);
  t.ok(seen.every(({ headers }) => !headers.some(([name]) => name === 'upgrade' || name === 'expect')));
});

t.test('an upgrade to anything but WebSocket is served as HTTP/1.1, and then closed', async (t) => {
  const { url, seen } = await startTestGateway(t);
  const offers = {
    h2c: 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
    'h2c beside websocket': `${HANDSHAKE}Upgrade: h2c`,
    TLS: 'Connection: Upgrade\r\nUpgrade: TLS/1.2',
  };
  for (const [name, headers] of Object.entries(offers)) {
    const reply = await rawHttp(url, get(headers, SMUGGLED));
    t.strictSame([reply.status, reply.isClosed], [200, true], name);
    t.equal(seen.at(-1)?.url, '/public/x', `${name}: what follows is no request`);
    t.same(header(seen.at(-1)?.headers, 'upgrade'), []);
  }
  t.equal(seen.length, 3);
});
