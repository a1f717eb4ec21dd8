import t from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import { startHttp2Target } from '../fixtures/http2-target.js';
import { testPki } from '../fixtures/pki.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** The proxy libraries verify no upstream certificate by themselves (CVE-2026-107318). */

const CASES = {
  'of a foreign CA': async () => (await testPki()).foreignLeaf('app', spiffeId('app')),
  'of another service of our own CA': async () => (await testPki()).leaf('orders', spiffeId('orders')),
  'that has expired': async () => (await testPki()).expiredLeaf('app', spiffeId('app')),
};

for (const [name, leaf] of Object.entries(CASES)) {
  t.test(`an upstream with a certificate ${name} gets no byte of a request`, async (t) => {
    const { url, seen } = await startTestGateway(t, { upstreamPem: await leaf() });
    const reply = await fetch(`${url}/public/x`, { method: 'POST', body: 'x' });
    t.match(await reply.json(), { status: 502, code: 'upstream_untrusted' });
    t.equal(seen.length, 0);
  });
}

for (const [name, leaf] of Object.entries(CASES)) {
  t.test(`nor does one over HTTP/2, with a certificate ${name}`, async (t) => {
    const target = await startHttp2Target(t, { pem: await leaf() });
    const { url } = await startTestGateway(t, {
      routes: [{ path: '/public/*', methods: ['POST'], auth: 'public', upstream: 'h2' }],
      upstreams: { h2: { url: target.url, spiffe_id: spiffeId('app'), protocol: 'http2' } },
    });
    for (let i = 0; i < 2; i++) {
      const reply = await fetch(`${url}/public/x`, { method: 'POST', body: 'x' });
      t.match(await reply.json(), { status: 502, code: 'upstream_untrusted' });
    }
    t.equal(target.seen.length + target.sessions.length, 0, 'not even a connection preface');
  });
}

t.test('nor does a WebSocket upstream', async (t) => {
  const pki = await testPki();
  const routes = [{ path: '/ws', methods: ['GET'], auth: 'public', upstream: 'app' }];
  const { url, seen } = await startTestGateway(t, {
    routes,
    upstreamPem: await pki.foreignLeaf('app', spiffeId('app')),
  });
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  const code = await new Promise((resolve) => {
    socket.on('error', () => resolve('error'));
    socket.on('close', resolve);
  });
  t.not(code, 1000);
  t.equal(seen.length, 0);
});

t.test('an upstream that is not there is a 502, and the others go on', async (t) => {
  const gone = { path: '/gone', methods: ['GET'], auth: 'public', upstream: 'gone' };
  const here = { path: '/public/*', methods: ['GET'], auth: 'public', upstream: 'app' };
  const upstreams = { gone: { url: 'https://127.0.0.1:2', spiffe_id: spiffeId('gone') } };
  const { url } = await startTestGateway(t, { routes: [gone, here], upstreams });
  t.match(await (await fetch(`${url}/gone`)).json(), { status: 502, code: 'upstream_unreachable' });
  t.equal((await fetch(`${url}/public/x`)).status, 200);
});

t.test('a target that is down is passed over before a byte is sent', async (t) => {
  const { url, seen, appOrigin } = await startTestGateway(t, {
    routes: [{ path: '/public/*', methods: ['POST'], auth: 'public', upstream: 'both' }],
    upstreams: (appOrigin) => ({
      both: { url: `https://127.0.0.1:2, ${appOrigin}`, spiffe_id: spiffeId('app') },
    }),
  });
  t.match(appOrigin, /^https/);
  for (let i = 0; i < 4; i++) {
    const reply = await fetch(`${url}/public/${i}`, {
      method: 'POST',
      body: 'once',
      headers: { connection: 'close' },
    });
    t.equal(reply.status, 200);
  }
  t.equal(seen.length, 4, 'each request once');
});
