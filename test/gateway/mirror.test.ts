import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import { MIRRORED_AT_ONCE } from '../../gateway/http/mirrors.js';
import { MIRRORED_BODY_BYTES } from '../../gateway/pipeline/mirror-request.js';
import { eventually } from '../fixtures/eventually.js';
import { rawRequest } from '../fixtures/raw-http.js';
import { startTargets, type TestTarget } from '../fixtures/targets.js';
import { describeSeen, type Seen, startTestGateway, type TestGateway } from '../fixtures/test-gateway.js';

interface Mirrored extends TestGateway {
  shadow: TestTarget;
  /** What the mirror has got whole. */
  copies: Seen[];
  /** `sent`, `dropped` and `failed` of the routes together, once they have come to this. */
  counted(sent: number, dropped: number, failed: number): Promise<unknown>;
}

interface Options {
  route?: object;
  mirror?: object;
  upstream?: object;
  random?: () => number;
}

/** A gateway whose routes `/public/*` and `/api/*` are mirrored. */
async function start(t: Test, { route, mirror, upstream, random }: Options = {}): Promise<Mirrored> {
  const [shadow] = await startTargets(t, ['shadow'], { id: 'shadow' });
  if (shadow === undefined) throw new Error('no target');
  const copies: Seen[] = [];
  shadow.conduct = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      copies.push(describeSeen(request, Buffer.concat(chunks).toString()));
      response.writeHead(500).end('not the answer');
    });
  };
  const methods = ['GET', 'POST'];
  const common = { methods, upstream: 'app', mirror: { upstream: 'shadow', ...mirror }, ...route };
  const gateway = await startTestGateway(t, {
    upstreams: { shadow: { url: shadow.url, spiffe_id: spiffeId('shadow'), outliers: false, ...upstream } },
    routes: [
      { path: '/public/*', auth: 'public', ...common },
      { path: '/api/*', auth: 'caller', ...common },
    ],
    ...(random === undefined ? {} : { deps: { random } }),
  });
  const counts = async (): Promise<number[]> => {
    const text = await (await fetch(`${gateway.gateway.adminUrl}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('gatehouse_mirrored_requests_total{'));
    return ['sent', 'dropped', 'failed'].map((result) =>
      lines
        .filter((line) => line.includes(`result="${result}"`))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0),
    );
  };
  return {
    ...gateway,
    shadow,
    copies,
    counted: (...expected) => eventually(counts, (found) => String(found) === String(expected)),
  };
}

const valuesOf = ({ headers }: Seen, name: string): string[] =>
  headers.filter(([sent]) => sent === name).map(([, value]) => value);

const post = (url: string, path: string, body: string, headers: string[] = []) =>
  rawRequest(url, 'POST', path, [`Content-Length: ${Buffer.byteLength(body)}`, ...headers], body);

t.test(
  'a copy arrives with the caller\u2019s identity and the whole body, marked, without credentials',
  async (t) => {
    const upstream = { identity_headers: { 'X-Shadow-User': 'sub' }, assertion: true };
    const { url, token, seen, copies, counted } = await start(t, {
      upstream,
      route: { forward_token: true },
    });
    const bearer = token();
    const body = 'b'.repeat(MIRRORED_BODY_BYTES);
    const reply = await post(url, '/api/a?b=c', body, [`Authorization: Bearer ${bearer}`]);
    t.equal(reply.status, 200);
    t.equal(reply.body, '{"ok":true}', 'the answer is the upstream\u2019s own');
    await counted(1, 0, 0);
    const [original, copy] = [seen[0] as Seen, copies[0] as Seen];
    t.strictSame([copy.method, copy.url, copy.body === body], ['POST', '/api/a?b=c', true]);
    const [subject] = valuesOf(original, 'x-identity-subject');
    t.ok(subject);
    t.strictSame(valuesOf(copy, 'x-identity-subject'), [subject]);
    t.strictSame(valuesOf(copy, 'x-shadow-user'), [subject], 'as its own upstream asks for it');
    t.strictSame(valuesOf(original, 'x-shadow-user'), []);
    const [assertion = ''] = valuesOf(copy, 'x-identity-assertion');
    const claims: unknown = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString());
    t.match(claims, { aud: 'shadow' }, 'an assertion for nobody else');
    t.strictSame(valuesOf(original, 'authorization'), [`Bearer ${bearer}`]);
    t.strictSame(valuesOf(copy, 'authorization'), [], 'forward_token is not for mirrors');
    t.strictSame(valuesOf(copy, 'x-gatehouse-mirror'), ['1']);
    t.strictSame(valuesOf(original, 'x-gatehouse-mirror'), []);
  },
);

t.test('only what goes on is mirrored, and no client can call its request a copy', async (t) => {
  const { url, seen, copies, counted } = await start(t, { route: { max_body: '10B' } });
  t.equal((await rawRequest(url, 'GET', '/api/a')).status, 401);
  t.equal((await post(url, '/public/a', 'more than ten bytes')).status, 413);
  t.equal((await rawRequest(url, 'GET', '/public/a', ['X_Gatehouse-Mirror: 1'])).status, 400);
  t.equal((await rawRequest(url, 'GET', '/public/b', ['X-Gatehouse-Mirror: 1'])).status, 200);
  await counted(1, 0, 0);
  t.strictSame(valuesOf(seen[0] as Seen, 'x-gatehouse-mirror'), []);
  t.strictSame(
    copies.map((copy) => [copy.url, valuesOf(copy, 'x-gatehouse-mirror')]),
    [['/public/b', ['1']]],
  );
});

t.test('not mirrored: long bodies, chunked ones, and requests for event streams', async (t) => {
  const { url, seen, copies, counted } = await start(t);
  const chunked = ['Transfer-Encoding: chunked'];
  t.equal((await post(url, '/public/long', 'b'.repeat(MIRRORED_BODY_BYTES + 1))).status, 200);
  t.equal((await rawRequest(url, 'POST', '/public/chunked', chunked, '1\r\na\r\n0\r\n\r\n')).status, 200);
  t.equal((await rawRequest(url, 'GET', '/public/events', ['Accept: text/event-stream'])).status, 200);
  t.equal((await rawRequest(url, 'GET', '/public/plain')).status, 200);
  await counted(1, 0, 0);
  t.equal(seen.length, 4);
  t.strictSame(
    copies.map((copy) => copy.url),
    ['/public/plain'],
  );
});

t.test('a body that does not come whole is not sent', async (t) => {
  const { url, appServer, copies, counted } = await start(t);
  const arrived = once(appServer, 'request');
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write('POST /public/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfive!');
  await arrived;
  socket.destroy();
  await counted(0, 1, 0);
  t.strictSame(copies, []);
});

t.test('`percent` of the requests are mirrored', async (t) => {
  const draws = [0.24, 0.25, 0.99, 0];
  const { url, copies, counted } = await start(t, {
    mirror: { percent: 25 },
    random: () => draws.shift() ?? 1,
  });
  for (const path of ['/public/a', '/public/b', '/public/c', '/public/d']) await rawRequest(url, 'GET', path);
  await counted(2, 0, 0);
  t.strictSame(copies.map((copy) => copy.url).sort(), ['/public/a', '/public/d']);
});

t.test('a mirror that is down changes nothing', async (t) => {
  const { url, shadow, counted } = await start(t);
  await shadow.die();
  const reply = await post(url, '/public/a', 'body');
  t.strictSame([reply.status, reply.body], [200, '{"ok":true}']);
  await counted(0, 0, 1);
});

t.test(
  'a mirror that never answers changes nothing, and is waited for no longer than `timeout`',
  async (t) => {
    const { url, shadow, counted } = await start(t, { route: { timeout: '500ms' } });
    shadow.conduct = 'stall';
    const reply = await post(url, '/public/a', 'body');
    t.strictSame([reply.status, reply.body], [200, '{"ok":true}']);
    await counted(0, 0, 1);
    await eventually(
      async () => shadow.held,
      (held) => held === 0,
    );
  },
);

for (const [what, bytes, route] of [
  ['that does not end is cut off after `timeout`', 1, { timeout: '500ms' }],
  ['is not read past 64 KiB', 256 * 1024, {}],
] as const) {
  t.test(`an answer ${what}`, async (t) => {
    const { url, shadow, counted } = await start(t, { route });
    const isCut = new Promise((resolve) => {
      shadow.conduct = (_request, response) => {
        response.on('close', () => resolve('cut'));
        response.write('b'.repeat(bytes));
      };
    });
    t.equal((await rawRequest(url, 'GET', '/public/a')).body, '{"ok":true}');
    await counted(1, 0, 0);
    t.equal(await isCut, 'cut');
  });
}

t.test('who is not the mirror by its certificate gets nothing', async (t) => {
  const { url, shadow, counted } = await start(t, { upstream: { spiffe_id: spiffeId('other') } });
  t.equal((await post(url, '/public/a', 'body')).status, 200);
  await counted(0, 0, 1);
  t.strictSame(shadow.seen, []);
});

t.test('past so many copies under way further ones are dropped; their requests are not', async (t) => {
  const { url, shadow, seen, counted } = await start(t, { upstream: { connections: { max: 200 } } });
  shadow.conduct = 'stall';
  const asked = Array.from({ length: MIRRORED_AT_ONCE + 3 }, () => fetch(`${url}/public/a`));
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  t.strictSame(new Set(statuses), new Set([200]));
  t.equal(seen.length, MIRRORED_AT_ONCE + 3);
  await counted(0, 3, 0);
  await eventually(
    async () => shadow.held,
    (held) => held === MIRRORED_AT_ONCE,
  );
  t.equal(shadow.seen.length, MIRRORED_AT_ONCE);
});

t.test('WebSockets are not mirrored', async (t) => {
  const { url, appServer, shadow, counted } = await start(t);
  appServer.on('upgrade', (_request, socket) =>
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'),
  );
  const upgrade = [
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
  ];
  const host = new URL(url).host;
  const lines = ['GET /public/ws HTTP/1.1', `Host: ${host}`, 'Connection: Upgrade', ...upgrade, '', ''];
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(lines.join('\r\n'));
  await once(socket, 'data');
  socket.destroy();
  await rawRequest(url, 'GET', '/public/after');
  await counted(1, 0, 0);
  t.strictSame(shadow.seen, ['GET /public/after']);
});
