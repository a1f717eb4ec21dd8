import { once } from 'node:events';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { REFRESH_COOKIE } from '../../contracts/auth-api.js';
import { type Attempt, refuseAll, send } from '../fixtures/attacks.js';
import { startTestGateway, type TestGateway } from '../fixtures/test-gateway.js';

/** Where a credential may come from, and what a browser can be made to send without its user's will. */

const APP = 'https://app.test';

function startBrowserGateway(t: Test, credentials: unknown[] = ['bearer', { cookie: { name: 'session' } }]) {
  return startTestGateway(t, {
    config: { auth: { caller: { issuers: ['main'], credentials, origins: [APP] } } },
  });
}

const UPGRADE = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

const codeOf = async (url: string, attempt: Attempt): Promise<unknown> => {
  const reply = await send(url, attempt);
  return reply.status === 200 ? 200 : [reply.status, reply.json()['code']];
};

t.test('two tokens are one too many, whatever sources they come from', async (t) => {
  const gateway = await startBrowserGateway(t, [
    'bearer',
    { cookie: { name: 'session' } },
    { api_key: { header: 'X-Key' } },
    'websocket',
  ]);
  const token = gateway.token();
  const bearer = `Authorization: Bearer ${token}`;
  const cookie = `Cookie: session=${token}`;
  const key = 'X-Key: gtk_abc';
  const ambiguous = (...headers: string[]) => ({ headers, expect: [400, 'ambiguous_credentials'] as const });
  await refuseAll(t, gateway, () => ({ headers: [bearer] }), {
    'bearer twice': ambiguous(bearer, bearer),
    'bearer beside another scheme': ambiguous('Authorization: Basic dTpw', bearer),
    'bearer and cookie': ambiguous(bearer, cookie),
    'bearer and API key': ambiguous(bearer, key),
    'API key twice': ambiguous(key, key),
    'API key in both of its places': ambiguous('Authorization: Bearer gtk_abc', key),
    'cookie and API key': ambiguous(cookie, key),
    'one cookie name twice in a line': ambiguous(`Cookie: session=${token}; session=${token}`),
    'one cookie name in two lines': ambiguous(cookie, cookie),
    'bearer and subprotocol': ambiguous(
      bearer,
      ...UPGRADE,
      `Sec-WebSocket-Protocol: chat, gatehouse.bearer.${token}`,
    ),
    'two subprotocols': ambiguous(
      ...UPGRADE,
      `Sec-WebSocket-Protocol: chat, gatehouse.bearer.${token}, gatehouse.bearer.${token}`,
    ),
  });
});

t.test('what a profile does not list is no credential, and never decides', async (t) => {
  const { url, token, seen } = await startTestGateway(t);
  const missing = [401, 'credentials_missing'];
  const good = token();
  t.same(await codeOf(url, { headers: [`Cookie: session=${good}`] }), missing);
  t.same(await codeOf(url, { headers: [`X-Api-Key: gtk_${'a'.repeat(43)}`] }), missing);
  t.same(await codeOf(url, { headers: [`Authorization: DPoP ${good}`, `DPoP: ${good}`] }), missing);
  t.same(await codeOf(url, { headers: [`Authorization: Basic ${good}`] }), missing);
  t.same(await codeOf(url, { headers: [`X-Authorization: Bearer ${good}`] }), missing);
  t.same(
    await codeOf(url, { target: `/api/x?access_token=${good}`, headers: [] }),
    missing,
    'never in a URL',
  );
  t.same(await codeOf(url, { headers: [`Authorization: Bearer gtk_${'a'.repeat(43)}`] }), [
    401,
    'token_malformed',
  ]);
  t.equal(seen.length, 0);
  const beside = [
    `Authorization: Bearer ${good}`,
    `Cookie: session=x; ${REFRESH_COOKIE}=gtr_x`,
    'X-Api-Key: x',
  ];
  t.equal(await codeOf(url, { headers: beside }), 200, 'nor does it make a good one ambiguous');
});

t.test('a cookie counts for reading, and for writing from a listed page only', async (t) => {
  const gateway = await startBrowserGateway(t);
  const { url, token, seen } = gateway;
  const cookie = `Cookie: a=1; session=${token()}; b=2`;
  const good = (): Attempt => ({ method: 'POST', headers: [cookie, `Origin: ${APP}`, 'Content-Length: 0'] });
  const refused = (method: string, ...headers: string[]) => ({
    method,
    headers: [cookie, 'Content-Length: 0', ...headers],
    expect: [403, 'origin_not_allowed'] as const,
  });
  await refuseAll(t, gateway, good, {
    'a form of another site': refused('POST', 'Origin: https://evil.test'),
    'a sandboxed page': refused('POST', 'Origin: null'),
    'no Origin at all': refused('POST'),
    'an empty Origin': refused('POST', 'Origin: '),
    'Origin in capitals': refused('POST', 'Origin: HTTPS://APP.TEST'),
    'a longer host': refused('POST', `Origin: ${APP}.evil.test`),
    'another port': refused('POST', `Origin: ${APP}:8443`),
    'another scheme': refused('POST', 'Origin: http://app.test'),
    'two Origins': refused('POST', `Origin: ${APP}`, 'Origin: https://evil.test'),
    'a list in Origin': refused('POST', `Origin: ${APP} https://evil.test`),
    'Referer in place of Origin': refused('POST', `Referer: ${APP}/`),
    'a listed Origin that the browser calls cross-site': refused(
      'POST',
      `Origin: ${APP}`,
      'Sec-Fetch-Site: cross-site',
    ),
    'a fetch site that nobody knows': refused('POST', `Origin: ${APP}`, 'Sec-Fetch-Site: elsewhere'),
    'a method that writes': refused('DELETE'),
    'an override of the method': refused('POST', 'X-HTTP-Method-Override: GET'),
    'reading by a script of another site': refused('GET', 'Origin: https://evil.test'),
    'an image of another site': refused('GET', 'Sec-Fetch-Site: cross-site'),
  });
  const read = async (...headers: string[]) => codeOf(url, { headers: [cookie, ...headers] });
  t.equal(await read(), 200);
  t.equal(await read('Sec-Fetch-Site: same-origin'), 200);
  t.equal(await read('Sec-Fetch-Site: none'), 200, 'typed into the address bar');
  t.equal(await read(`Origin: ${APP}`, 'Sec-Fetch-Site: same-site'), 200);
  t.same(
    seen.at(-1)?.headers.filter(([name]) => name === 'cookie'),
    [['cookie', 'a=1; b=2']],
    'the token stays here, other cookies are the application\u2019s',
  );
  const bearer = `Authorization: Bearer ${token()}`;
  const fromAnywhere = {
    method: 'POST',
    headers: [bearer, 'Origin: https://evil.test', 'Content-Length: 0'],
  };
  t.equal(await codeOf(url, fromAnywhere), 200, 'no page can make a browser send a bearer token');
  t.same(
    await codeOf(url, { headers: ['Cookie: session=; session'] }),
    [401, 'credentials_missing'],
    'cleared',
  );
  t.same(
    await codeOf(url, { headers: [`Cookie: Session=${token()}`] }),
    [401, 'credentials_missing'],
    'case',
  );
  t.same(await codeOf(url, { headers: [`Cookie: session=${token()}x`] }), [401, 'token_malformed']);
});

t.test('a credential of any profile stays here on every route, unless the route forwards it', async (t) => {
  const routes = [
    { path: '/public/*', methods: ['GET'], auth: 'public', upstream: 'app' },
    { path: '/whole/*', methods: ['GET'], auth: 'public', upstream: 'app', forward_token: true },
  ];
  const auth = {
    caller: {
      issuers: ['main'],
      credentials: ['bearer', { cookie: { name: 'session' } }, { api_key: { header: 'X-Key' } }],
      origins: [APP],
    },
  };
  const { url, seen } = await startTestGateway(t, { routes, config: { auth } });
  const headers = [
    'Authorization: Bearer t',
    `Cookie: session=t; mine=1; ${REFRESH_COOKIE}=gtr_x`,
    'X-Key: k',
    'DPoP: p',
  ];
  await send(url, { target: '/public/x', headers });
  await send(url, { target: '/whole/x', headers });
  const [kept, whole] = seen.map((request) =>
    request.headers.filter(([name]) => ['authorization', 'cookie', 'x-key', 'dpop'].includes(name)),
  );
  t.same(kept, [['cookie', 'mine=1']]);
  t.same(whole, [
    ['authorization', 'Bearer t'],
    ['cookie', `session=t; mine=1; ${REFRESH_COOKIE}=gtr_x`],
    ['x-key', 'k'],
    ['dpop', 'p'],
  ]);
});

/** The `app` upstream speaks WebSocket too; resolves the handshakes that it saw. */
function upstreamWebSockets(
  t: Test,
  { appServer }: TestGateway,
): { protocol: string | undefined; headers: string }[] {
  const handshakes: { protocol: string | undefined; headers: string }[] = [];
  const server = new WebSocketServer({ server: appServer });
  t.teardown(() => server.close());
  server.on('connection', (socket, request) => {
    const headers = request.rawHeaders.join('\n');
    handshakes.push({ protocol: request.headers['sec-websocket-protocol'], headers });
    socket.on('message', (data) => socket.send(`echo ${String(data)}`));
  });
  return handshakes;
}

t.test('a browser\u2019s token comes as a subprotocol, and goes no further', async (t) => {
  const gateway = await startBrowserGateway(t, ['bearer', 'websocket']);
  const { url, token, logs } = gateway;
  const handshakes = upstreamWebSockets(t, gateway);
  const good = token();
  const open = async (protocols: string[], origin = APP): Promise<string> => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/api/x`, protocols, { origin });
    t.teardown(() => socket.terminate());
    socket.on('error', () => undefined);
    const ended = await Promise.race([
      once(socket, 'unexpected-response').then(
        ([, response]) => `${(response as { statusCode: number }).statusCode}`,
      ),
      once(socket, 'open').then(() => 'open'),
    ]);
    if (ended !== 'open') return ended;
    socket.send('hi');
    const [data] = (await once(socket, 'message')) as [Buffer];
    socket.close();
    return `${socket.protocol}: ${String(data)}`;
  };
  t.equal(await open([`gatehouse.bearer.${good}`, 'chat.v2', 'chat.v1']), 'chat.v2: echo hi');
  t.equal(await open(['chat.v1', `Gatehouse.Bearer.${good}`]), 'chat.v1: echo hi', 'in any case');
  t.equal(handshakes.length, 2);
  for (const { headers, protocol } of handshakes) {
    t.notMatch(headers.toLowerCase(), 'gatehouse.bearer');
    t.notMatch(headers, good);
    t.match(protocol ?? '', /^chat\.v[12]$/);
  }
  t.equal(await open([`gatehouse.bearer.${good}x`, 'chat']), '401', 'verified like any other');
  t.equal(await open([`gatehouse.bearer.${good}`, 'chat'], 'https://evil.test'), '403');
  t.equal(await open([`gatehouse.bearer.${good}`]), '400', 'a browser could not go on without a real one');
  t.equal(await open(['chat']), '401');
  t.equal(handshakes.length, 2, 'not one of these reached the upstream');
  t.notMatch(logs.join(''), good.split('.')[2] ?? '-', 'no token in the log');

  const plain = [`Sec-WebSocket-Protocol: chat, gatehouse.bearer.${good}`];
  t.same(await codeOf(url, { headers: plain }), [401, 'credentials_missing'], 'on a WebSocket only');
});

t.test('a WebSocket comes from a listed page, from the same host, or from no page', async (t) => {
  const routes = [
    { path: '/open', methods: ['GET'], auth: 'public', upstream: 'app' },
    { path: '/listed', methods: ['GET'], auth: 'public', upstream: 'app', origins: [APP] },
    { path: '/api/x', methods: ['GET'], auth: 'caller', upstream: 'app' },
    { path: '/cookie', methods: ['GET'], auth: 'browser', upstream: 'app' },
  ];
  const auth = {
    caller: { issuers: ['main'] },
    browser: { issuers: ['main'], credentials: [{ cookie: { name: 'session' } }], origins: [APP] },
  };
  const gateway = await startTestGateway(t, { routes, config: { auth } });
  const { url, token } = gateway;
  const handshakes = upstreamWebSockets(t, gateway);
  const bearer = `Authorization: Bearer ${token()}`;
  const attack = (target: string, ...headers: string[]) => ({
    target,
    headers: [...UPGRADE, ...headers],
    expect: [403, 'origin_not_allowed'] as const,
  });
  const host = new URL(url).host;
  await refuseAll(t, gateway, () => ({ headers: [bearer] }), {
    'another site': attack('/api/x', bearer, 'Origin: https://evil.test'),
    'another site, public route': attack('/open', 'Origin: https://evil.test'),
    'our host as a prefix': attack('/open', `Origin: http://${host}.evil.test`),
    'our host as userinfo': attack('/open', `Origin: http://${host}@evil.test`),
    'another port of our host': attack('/open', 'Origin: http://127.0.0.1:1'),
    'a file or a sandbox': attack('/open', 'Origin: null'),
    'no web origin': attack('/open', `Origin: ftp://${host}`),
    'two Origins': attack('/open', `Origin: http://${host}`, 'Origin: https://evil.test'),
    'the same host where others are listed': attack('/listed', `Origin: http://${host}`),
    'a cookie and another site': attack('/cookie', `Cookie: session=${token()}`, 'Origin: https://evil.test'),
    'a cookie without Origin': attack('/cookie', `Cookie: session=${token()}`),
  });
  t.equal(handshakes.length, 0);

  const open = (target: string, headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}${target}`, { headers });
      t.teardown(() => socket.terminate());
      socket.on('open', () => resolve('open'));
      socket.on('error', () => resolve('refused'));
    });
  t.equal(await open('/open', {}), 'open', 'no browser');
  t.equal(await open('/open', { origin: `http://${host}` }), 'open', 'same host');
  t.equal(await open('/listed', { origin: APP }), 'open');
  t.equal(await open('/cookie', { origin: APP, cookie: `session=${token()}` }), 'open');
});
