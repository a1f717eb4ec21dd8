import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:http2';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { eventually } from '../fixtures/eventually.js';
import { http2AnswerOf, http2Ask, http2Connect } from '../fixtures/http2-client.js';
import { type Http2Target, type Http2TargetOptions, startHttp2Target } from '../fixtures/http2-target.js';
import { testPki } from '../fixtures/pki.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { startTlsGateway } from '../fixtures/tls-gateway.js';

const UPLOAD = randomBytes(2 * 1024 * 1024);
const TO = { auth: 'public', upstream: 'h2', max_body: '16MiB' };
const ROUTES = [
  { path: '/public/*', methods: ['GET', 'POST'], ...TO },
  { path: '/short', methods: ['GET'], timeout: '200ms', idle_timeout: '200ms', ...TO },
  { path: '/private', methods: ['GET'], auth: 'caller', upstream: 'h2' },
];

const upstream = ({ url }: Http2Target) => ({ url, spiffe_id: spiffeId('app'), protocol: 'http2' });

async function start(t: Test, options: Http2TargetOptions = {}) {
  const target = await startHttp2Target(t, options);
  return { target, ...(await startTestGateway(t, { routes: ROUTES, upstreams: { h2: upstream(target) } })) };
}

const codeOf = async (reply: Response): Promise<unknown> => ((await reply.json()) as { code: string }).code;

/** The request back, with what it carried. */
function echo(target: Http2Target): void {
  target.serve = (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const { ':path': path, ':authority': authority } = headers;
      const names = Object.keys(headers);
      const body = Buffer.concat(chunks).toString('base64');
      stream.respond({ ':status': 200, 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] });
      stream.end(JSON.stringify({ path, authority, names, version: headers['x-identity-kind'], body }));
    });
  };
}

t.test('HTTP/1.1 and HTTP/2 clients, with and without a body', async (t) => {
  const target = await startHttp2Target(t);
  echo(target);
  const plain = await startTestGateway(t, { routes: ROUTES, upstreams: { h2: upstream(target) } });
  const got = await fetch(`${plain.url}/public/a%2Fb?x=1`.replace('%2F', '/'));
  t.strictSame(got.headers.getSetCookie(), ['a=1', 'b=2']);
  const seen = (await got.json()) as { path: string; authority: string; names: string[]; version: string };
  t.match(seen, { path: '/public/a/b?x=1', authority: new URL(plain.url).host, version: 'anonymous' });
  t.ok(seen.names.includes('x-forwarded-for') && seen.names.includes('via'));
  t.notOk(seen.names.includes('connection') || seen.names.includes('host'));

  for (const headers of [{}, { expect: '100-continue' }]) {
    const posted = await fetch(`${plain.url}/public/x`, { method: 'POST', body: UPLOAD }).then(
      (reply) => reply.json() as Promise<{ body: string }>,
    );
    t.ok(Buffer.from(posted.body, 'base64').equals(UPLOAD), JSON.stringify(headers));
  }

  const { url, ca, token } = await startTlsGateway(t, {
    dir: t.testdir({ other: {} }),
    routes: ROUTES,
    upstreams: { h2: upstream(target) },
  });
  const client = await http2Connect(t, url, { ca });
  const answer = await http2Ask(client, { ':path': '/public/x' }, 'hello');
  t.equal(Buffer.from(String(answer.json()['body']), 'base64').toString(), 'hello');
  t.equal((await http2Ask(client, { ':path': '/private' })).status, 401);
  const allowed = await http2Ask(client, { ':path': '/private', authorization: `Bearer ${token()}` });
  t.equal(allowed.json()['version'], 'user');
  t.equal(
    (await http2Ask(client, { ':path': '/private', ':method': 'HEAD', authorization: `Bearer ${token()}` }))
      .status,
    200,
  );
});

t.test('an answer that breaks off is a connection that breaks off, for either client', async (t) => {
  const target = await startHttp2Target(t);
  target.serve = (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('part');
    stream.once('drain', () => undefined);
    setImmediate(() => stream.destroy());
  };
  const { url, ca } = await startTlsGateway(t, { routes: ROUTES, upstreams: { h2: upstream(target) } });
  const answer = await http2Ask(await http2Connect(t, url, { ca }), { ':path': '/public/x' });
  t.not(answer.rstCode, 0);
  const plain = await startTestGateway(t, {
    dir: t.testdir({ other: {} }),
    routes: ROUTES,
    upstreams: { h2: upstream(target) },
  });
  await t.rejects(fetch(`${plain.url}/public/x`).then((reply) => reply.text()));
});

t.test('each fault before an answer has its problem, and a good request follows', async (t) => {
  const { target, url } = await start(t);
  const good = target.serve;
  const reset =
    (code: number): Http2Target['serve'] =>
    (stream) =>
      stream.close(code);
  const cases: [name: string, path: string, serve: Http2Target['serve'], code: string][] = [
    ['reset', '/public/x', reset(constants.NGHTTP2_INTERNAL_ERROR), 'upstream_reset'],
    ['the connection lost', '/public/x', (stream) => stream.session?.destroy(), 'upstream_reset'],
    ['silence', '/short', () => undefined, 'upstream_timeout'],
    ['nonsense', '/public/x', reset(constants.NGHTTP2_PROTOCOL_ERROR), 'upstream_response_invalid'],
  ];
  for (const [name, path, serve, code] of cases) {
    target.serve = serve;
    t.equal(await codeOf(await fetch(url + path)), code, name);
    target.serve = good;
    t.equal(await (await fetch(`${url}/public/x`)).text(), 'app');
  }
  target.serve = (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('part');
  };
  await t.rejects(
    fetch(`${url}/short`).then((reply) => reply.text()),
    'silence in mid-body',
  );
});

t.test('a client that goes away has the stream cancelled', async (t) => {
  const { target, url } = await start(t);
  const ended = new Promise((resolve) => {
    target.serve = (stream) => stream.on('close', () => resolve(stream.rstCode));
  });
  const gone = new AbortController();
  const asked = fetch(`${url}/public/x`, { signal: gone.signal }).catch(() => undefined);
  await eventually(
    async () => target.seen.length,
    (count) => count > 0,
  );
  gone.abort();
  await asked;
  t.equal(await ended, constants.NGHTTP2_CANCEL);
});

t.test('an upload that is answered early: the answer arrives, and the rest is for nobody', async (t) => {
  const target = await startHttp2Target(t);
  target.serve = (stream) => {
    stream.respond({ ':status': 413 });
    stream.end('enough');
  };
  const { url, ca } = await startTlsGateway(t, { routes: ROUTES, upstreams: { h2: upstream(target) } });
  const client = await http2Connect(t, url, { ca });
  const stream = client.request({ ':method': 'POST', ':path': '/public/x' });
  stream.write('a beginning');
  const answer = await http2AnswerOf(stream);
  t.match(answer, { status: 413, body: 'enough', rstCode: 0 });
});

t.test('an HTTP/1.1 server where HTTP/2 was to be is named, and gets no request', async (t) => {
  const { url, seen, logs } = await startTestGateway(t, {
    routes: ROUTES,
    upstreams: (appOrigin) => ({ h2: { url: appOrigin, spiffe_id: spiffeId('app'), protocol: 'http2' } }),
  });
  const reply = await fetch(`${url}/public/x`);
  t.equal(reply.status, 502);
  t.equal(await codeOf(reply), 'upstream_response_invalid');
  t.equal(seen.length, 0);
  t.match(logs.join(''), /"reason":"upstream.protocol"/);
});

t.test('a WebSocket is refused there', async (t) => {
  const { target, url } = await start(t);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/public/ws`);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
  t.equal(response.statusCode, 400);
  t.equal(target.seen.length, 0);
});

t.test('health checks speak HTTP/2 as well, over connections of their own', async (t) => {
  const target = await startHttp2Target(t);
  const h2 = { ...upstream(target), health: { path: '/health', interval: '5s' } };
  await startTestGateway(t, { routes: ROUTES, upstreams: { h2 } });
  await eventually(
    async () => target.seen,
    (seen) => seen.includes('GET /health'),
  );
  t.ok(target.sessions.length > 1, 'beside the one for requests');
});

t.test(
  'another certificate of the gateway: new connections, and what is under way ends on the old',
  async (t) => {
    const pki = await testPki();
    const { target, url, gateway, configWith, configFile, dir } = await start(t);
    const { writeFileSync } = await import('node:fs');
    const { join } = await import('node:path');
    let finish: () => void = () => undefined;
    target.serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('be');
      finish = () => stream.end('gun');
    };
    const begun = await fetch(`${url}/public/x`);
    const next = await pki.leaf('gateway-2', GATEWAY_SPIFFE_ID);
    writeFileSync(join(dir, 'cert-2.pem'), next.cert);
    writeFileSync(join(dir, 'key-2.pem'), next.key);
    writeFileSync(
      configFile,
      configWith({
        internal_tls: { ca: join(dir, 'ca.pem'), cert: join(dir, 'cert-2.pem'), key: join(dir, 'key-2.pem') },
      }),
    );
    t.match(await gateway.reload('admin'), { result: 'applied' });
    const sessions = target.sessions.length;
    finish();
    t.equal(await begun.text(), 'begun');
    target.serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('new');
    };
    t.equal(await (await fetch(`${url}/public/x`)).text(), 'new');
    t.ok(target.sessions.length >= sessions);
    const peers = target.sessions.map(
      ({ socket }) =>
        (socket as import('node:tls').TLSSocket | undefined)?.getPeerX509Certificate?.()?.serialNumber,
    );
    t.ok(new Set(peers).size > 1, 'shown to the target');
  },
);
