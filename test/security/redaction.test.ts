import { once } from 'node:events';
import type { Server } from 'node:https';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { spiffeId } from '../../contracts/spiffe.js';
import { dpopProof, proofKey } from '../fixtures/dpop-proof.js';
import { eventually } from '../fixtures/eventually.js';
import { startKeyExchange } from '../fixtures/key-exchange.js';
import { rawHttp, rawRequest } from '../fixtures/raw-http.js';
import { Secrets } from '../fixtures/secrets.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { signToken, testKey } from '../fixtures/test-issuer.js';

/** What a client sends is a secret until shown otherwise: none of it is in the log, on whatever path it takes. */

const PUBLIC_URL = 'https://api.test';

const UPGRADE = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

async function start(t: Test, log: object = {}) {
  const exchange = await startKeyExchange(t);
  const gateway = await startTestGateway(t, {
    config: {
      log,
      listen: { host: '127.0.0.1', port: 0, public_url: PUBLIC_URL, trusted_proxies: ['127.0.0.1'] },
      revocation: { feed_url: exchange.origin, feed_spiffe_id: spiffeId('auth-service') },
      auth: {
        caller: {
          issuers: ['main'],
          credentials: ['bearer', 'dpop', 'api_key', 'websocket', { cookie: { name: 'session' } }],
          origins: [PUBLIC_URL],
        },
        admin: { issuers: ['main'], roles: ['admin'] },
      },
    },
    routes: [
      { path: '/public/*', methods: ['GET', 'POST'], auth: 'public', upstream: 'app', max_body: '1KiB' },
      { path: '/login', methods: ['POST'], auth: 'public', upstream: 'app', forward_token: true },
      { path: '/api/*', methods: ['GET', 'POST'], auth: 'caller', upstream: 'app' },
      { path: '/admin/*', methods: ['GET'], auth: 'admin', upstream: 'app' },
      {
        path: '/trial/*',
        methods: ['GET'],
        auth: { profile: 'admin', report_only: true },
        upstream: 'app',
      },
      {
        path: '/limited',
        methods: ['GET'],
        auth: 'caller',
        upstream: 'app',
        rate_limit: { requests: 1, per: '1h' },
      },
    ],
  });
  return { ...gateway, exchange };
}

/** Sends the secrets of this test along every way there is, and returns the statuses that came back. */
async function sendEverything(
  {
    url,
    token: sign,
    key,
    feed,
    issuer,
    answer,
    answerKeys,
    appServer,
    exchange,
  }: Awaited<ReturnType<typeof start>>,
  secrets: Secrets,
): Promise<number[]> {
  const statuses: number[] = [];
  const send = async (method: string, path: string, headers: string[] = [], body = ''): Promise<void> => {
    // Each request has a query, a cookie and headers of its own besides, and a secret in its path.
    const target = `${path}?token=${secrets.make('query')}&password=${secrets.make('query')}`;
    const more = [`Cookie: other=${secrets.make('cookie')}`, `X-Secret: ${secrets.make('header')}`];
    const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
    statuses.push((await rawRequest(url, method, target, [...headers, ...more, ...length], body)).status);
  };
  const token = (claims: object = {}, header: object = {}): string =>
    secrets.keep(
      sign({ sub: secrets.make('subject'), email: secrets.make('claim'), ...claims }, header as never),
    );
  const bearer = (text: string): string[] => [`Authorization: Bearer ${text}`];
  const path = (prefix: string): string => `${prefix}/${secrets.make('path')}`;

  answer((_request, response) => {
    response.setHeader('set-cookie', `session=${secrets.make('set-cookie')}`);
    response.end(secrets.make('response'));
  });
  // What goes through.
  await send('GET', path('/api'), bearer(token()));
  await send('POST', path('/api'), bearer(token()), secrets.make('body'));
  await send('GET', path('/api'), [`Cookie: session=${token()}`]);
  await send('POST', '/login', bearer(token()), JSON.stringify({ password: secrets.make('password') }));
  await send('GET', path('/trial'), bearer(token()));
  const bound = await proofKey();
  const prove = (text: string): string =>
    secrets.keep(dpopProof(bound, { htm: 'GET', htu: `${PUBLIC_URL}/api/x`, token: text }));
  const dpopToken = token({ cnf: { jkt: bound.jkt } });
  const proof = prove(dpopToken);
  for (const repeat of ['new', 'replayed'])
    await send('GET', '/api/x', [
      `Authorization: DPoP ${dpopToken}`,
      `DPoP: ${proof}`,
      `X-Repeat: ${repeat}`,
    ]);
  const apiKey = `gtk_${secrets.make('key').replace(/\W/g, '').padEnd(20, 'a').slice(0, 20)}_${'b'.repeat(49)}`;
  exchange.answer((_asked, response) =>
    response.end(JSON.stringify({ access_token: token({ sid: secrets.make('session') }), expires_in: 600 })),
  );
  await send('GET', path('/api'), [`X-Api-Key: ${secrets.keep(apiKey)}`]);

  // What is refused for its credential.
  const forged = await testKey();
  const revoked = { jti: secrets.make('jti') };
  feed.revoke({ kind: 'token', iss: issuer, jti: revoked.jti, exp: 9e9 });
  const refused: string[][] = [
    [],
    bearer(token({ exp: 1 })),
    bearer(token({ aud: secrets.make('aud') })),
    bearer(token({ iss: secrets.make('iss') })),
    bearer(token({}, { kid: secrets.make('kid') })),
    bearer(token({}, { alg: secrets.make('alg') })),
    bearer(token({}, { typ: secrets.make('typ') })),
    bearer(token({}, { crit: [secrets.make('crit')] })),
    bearer(token(revoked)),
    bearer(token({ cnf: { jkt: secrets.make('jkt') } })),
    bearer(secrets.keep(signToken(forged, { iss: issuer, sub: secrets.make('subject') }, { kid: key.kid }))),
    bearer(secrets.make('not-a-token')),
    bearer(`${secrets.make('broken')}.{"${secrets.make('json')}".x`),
    [...bearer(token()), `Cookie: session=${token()}`],
    [`Cookie: session=${token()}`, 'Origin: https://evil.test', 'Sec-Fetch-Site: cross-site'],
    [`Authorization: Basic ${Buffer.from(secrets.make('basic')).toString('base64')}`],
    [`Authorization: DPoP ${dpopToken}`, `DPoP: ${secrets.make('proof')}`],
    [`X-Api-Key: ${secrets.make('sk')}`],
    [...UPGRADE, `Origin: ${PUBLIC_URL}`, `Sec-WebSocket-Protocol: gatehouse.bearer.${token({ exp: 1 })}`],
  ];
  for (const headers of refused) await send('GET', path('/api'), headers);
  exchange.answer((asked, response) => response.writeHead(500).end(`${asked} ${secrets.make('exchange')}`));
  await send('GET', path('/api'), [`X-Api-Key: ${secrets.keep(`gtk_${'c'.repeat(20)}_${'d'.repeat(49)}`)}`]);
  await send('GET', path('/admin'), bearer(token()));
  for (const repeat of ['first', 'second'])
    await send('GET', '/limited', [...bearer(token({ sub: 'one' })), `X-Repeat: ${repeat}`]);

  // What is refused for its form.
  await send('GET', path('/nowhere'), bearer(token()));
  await send('DELETE', path('/api'), bearer(token()));
  await send(secrets.make('METHOD').toUpperCase(), '/api/x');
  await send('GET', `/api/%zz${secrets.make('path')}`);
  await send('GET', path('/api'), [`X_Identity_Subject: ${secrets.make('identity')}`]);
  await send('GET', path('/api'), [`Host: ${secrets.make('host')}@a`]);
  await send('GET', path('/api'), [`X-Forwarded-For: ${secrets.make('address')}`]);
  await send('GET', `http://user:${secrets.make('userinfo')}@127.0.0.1/api/x`);
  await send('POST', path('/public'), [], secrets.make('large').repeat(100));
  await send('POST', path('/public'), [`Expect: ${secrets.make('expect')}`], 'x');
  const malformed = [
    `GET /${secrets.make('target')} HTTP/1.1\r\nHost: a\r\n${secrets.make('no colon')}\r\n\r\n`,
    `CONNECT ${secrets.make('tunnel')}:443 HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${secrets.make('big').repeat(2000)}\r\n\r\n`,
  ];
  for (const bytes of malformed) statuses.push((await rawHttp(url, bytes)).status);

  // What fails behind the gateway.
  const failures: (() => void)[] = [
    () => answer((request) => request.socket.destroy()),
    () => answer((request) => request.socket.end(`${secrets.make('no http')}\r\n\r\n`)),
    () =>
      answer((_request, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write(secrets.make('half'), () => response.destroy());
      }),
  ];
  for (const fail of failures) {
    fail();
    await send('GET', path('/api'), bearer(token()));
    await send('POST', path('/public'), [], secrets.make('body'));
  }
  statuses.push(await openWebSocket(url, path('/api'), secrets, token(), appServer));
  answerKeys((_request, response) => response.end(`{"keys": ${secrets.make('keys')}`));
  feed.revoke({ kind: 'key', iss: issuer, kid: key.kid, exp: 9e9 });
  await send('GET', path('/api'), bearer(token()));
  const unknown = async (): Promise<void> => send('GET', path('/api'), bearer(token({}, { kid: 'unknown' })));
  await eventually(unknown, () => statuses.at(-1) === 503);
  return statuses;
}

/** Resolves with 101 once a WebSocket has been let through and has ended. */
async function openWebSocket(
  url: string,
  path: string,
  secrets: Secrets,
  token: string,
  appServer: Server,
): Promise<number> {
  const sockets = new WebSocketServer({ server: appServer });
  sockets.on('connection', (socket) => socket.send(secrets.make('sent'), () => socket.close()));
  const target = `${url.replace('http', 'ws')}${path}?ticket=${secrets.make('query')}`;
  const socket = new WebSocket(target, ['chat', `gatehouse.bearer.${token}`], {
    headers: { origin: PUBLIC_URL, cookie: `other=${secrets.make('cookie')}` },
  });
  await once(socket, 'open');
  socket.send(secrets.make('received'));
  await once(socket, 'close');
  sockets.close();
  return 101;
}

for (const log of [{ level: 'debug' }, { access: 'errors' }]) {
  t.test(`nothing of what a client sends is in the log: ${JSON.stringify(log)}`, async (t) => {
    const gateway = await start(t, log);
    const secrets = new Secrets();
    const statuses = await sendEverything(gateway, secrets);
    for (const status of [101, 200, 400, 401, 403, 404, 405, 413, 417, 429, 431, 502, 503])
      t.ok(statuses.includes(status), `a reply of ${status} was among them`);
    await gateway.gateway.stop();
    const output = gateway.logs.join('');
    t.ok(gateway.logs.length > (log.access === 'errors' ? 3 : 45), 'there is a log');
    t.strictSame(secrets.foundIn(output), []);
    t.ok(secrets.foundIn(JSON.stringify(gateway.seen)).length > 10, 'the secrets were sent');
  });
}
