import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import {
  acceptOnlyGateway,
  type GatewayOptions,
  gatehouseIdentity,
  gatewayServerOptions,
  requireScope,
} from '../../upstream-kit/index.js';
import { type MtlsClient, mtlsRequest, openRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';

const pki = await testPki();
const { ca } = pki;
const gateway: MtlsClient = { ca, ...(await pki.leaf('gateway', GATEWAY_SPIFFE_ID)) };
const profile: MtlsClient = { ca, ...(await pki.leaf('profile', spiffeId('profile'))) };
const serverTls = gatewayServerOptions({ ca, ...(await pki.leaf('orders', spiffeId('orders'))) });

const ALICE = {
  'x-identity-version': '1',
  'x-identity-kind': 'user',
  'x-identity-subject': 'alice',
  'x-identity-scopes': 'orders:read',
};
const UPGRADE = { connection: 'Upgrade', upgrade: 'websocket', ...ALICE };

/** An upstream of somebody's team. `ran` names each piece of it that got to run. */
async function startUpstream(t: Test, options: GatewayOptions = {}, host = '127.0.0.1') {
  const ran: string[] = [];
  const app = Fastify({ https: serverTls, forceCloseConnections: true });
  app.addHook('onRequest', (_request, _reply, next) => {
    ran.push('earlier hook');
    next();
  });
  await app.register(gatehouseIdentity, options);
  app.get('/whoami', (request) => {
    ran.push('handler');
    return request.identity;
  });
  app.get('/health', { config: { withoutIdentity: true } }, (request) => request.identity.kind);
  app.get('/orders', { preHandler: requireScope('orders:read') }, () => 'orders');
  app.get('/both', { preHandler: requireScope('orders:read', 'orders:write') }, () => 'both');
  app.setNotFoundHandler((_request, reply) => {
    ran.push('not found');
    return reply.code(404).send();
  });
  app.server.on('upgrade', (_request, socket: TLSSocket) => {
    ran.push('upgrade');
    socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  });
  await app.listen({ host, port: 0 });
  t.teardown(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  return { app, ran, port, url: `https://127.0.0.1:${port}` };
}

/** 101, or the status that came in its place. */
async function upgradeStatus(client: MtlsClient, url: string): Promise<number | undefined> {
  const outgoing = openRequest(client, url, { headers: UPGRADE });
  outgoing.end();
  const [response] = (await Promise.race([once(outgoing, 'upgrade'), once(outgoing, 'response')])) as [
    { statusCode?: number; resume(): void },
  ];
  response.resume();
  return response.statusCode;
}

t.test('the gateway gets in, and the handler sees whom it verified', async (t) => {
  const { url, ran } = await startUpstream(t);
  const response = await mtlsRequest(gateway, `${url}/whoami`, {
    headers: { ...ALICE, 'x-identity-subject': 'Zo%C3%AB' },
  });
  t.strictSame(response.json(), { kind: 'user', subject: 'Zoë', scopes: ['orders:read'], roles: [] });
  t.equal(await upgradeStatus(gateway, url), 101);
  t.strictSame(ran, ['earlier hook', 'handler', 'upgrade']);
});

t.test('nobody gets through the handshake without a valid certificate of the internal CA', async (t) => {
  const { url, ran } = await startUpstream(t);
  await t.rejects(mtlsRequest({ ca }, `${url}/whoami`, { headers: ALICE }), {
    code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  });
  const foreign = { ca, ...(await pki.foreignLeaf('gateway', GATEWAY_SPIFFE_ID)) };
  await t.rejects(mtlsRequest(foreign, `${url}/whoami`, { headers: ALICE }), {
    code: /^ERR_SSL|^ECONNRESET$/,
  });
  const expired = { ca, ...(await pki.expiredLeaf('gateway', GATEWAY_SPIFFE_ID)) };
  await t.rejects(mtlsRequest(expired, `${url}/whoami`, { headers: ALICE }), {
    code: /^ERR_SSL|^ECONNRESET$/,
  });
  const tls12 = { headers: ALICE, options: { maxVersion: 'TLSv1.2' } } as const;
  await t.rejects(mtlsRequest(gateway, `${url}/whoami`, tls12), { code: 'EPROTO' });
  t.strictSame(ran, []);
});

t.test('another service of the same CA is refused before anything runs', async (t) => {
  const { url, ran } = await startUpstream(t);
  for (const path of ['/whoami', '/health', '/nowhere', '/%zz']) {
    const response = await mtlsRequest(profile, url + path, { headers: ALICE });
    t.equal(response.status, 403, path);
    t.equal(response.json().code, 'gateway_required');
    t.equal(response.headers.connection, 'close');
  }
  t.equal(await upgradeStatus(profile, url), 403);
  t.equal(
    (await mtlsRequest(profile, url, { method: 'POST', body: 'x'.repeat(300_000) })).status,
    403,
    'with a body',
  );
  t.strictSame(ran, []);
});

t.test('a name hidden inside another SAN is not the gateway', async (t) => {
  const { url, ran } = await startUpstream(t);
  const hidden = { dnsNames: [`x, URI:${GATEWAY_SPIFFE_ID}`] };
  const sly = { ca, ...(await pki.leaf('sly', spiffeId('profile'), hidden)) };
  t.equal((await mtlsRequest(sly, `${url}/whoami`, { headers: ALICE })).status, 403);
  t.strictSame(ran, []);
});

t.test('a refused peer that says nothing is cut off', async (t) => {
  const { port } = await startUpstream(t);
  const socket = connect({ ...profile, port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'close');
  t.pass('closed by the server');
});

t.test('each connection is judged by its own certificate, a resumed session too', async (t) => {
  const { url, ran } = await startUpstream(t);
  const sessionOf = async (client: MtlsClient): Promise<Buffer> => {
    const outgoing = openRequest(client, `${url}/whoami`, { headers: ALICE });
    const session = once(outgoing, 'socket').then(([socket]) => once(socket as TLSSocket, 'session'));
    outgoing.on('response', (response) => response.resume());
    outgoing.end();
    return ((await session) as [Buffer])[0];
  };
  const own = await sessionOf(gateway);
  const again = openRequest(gateway, `${url}/whoami`, { headers: ALICE, options: { session: own } });
  again.end();
  const [response] = (await once(again, 'response')) as [IncomingMessage];
  response.resume();
  t.ok((response.socket as TLSSocket).isSessionReused());
  t.equal(response.statusCode, 200);
  const others = await sessionOf(profile);
  ran.length = 0;
  const resumed = await mtlsRequest(profile, `${url}/whoami`, {
    headers: ALICE,
    options: { session: others },
  });
  t.equal(resumed.status, 403);
  t.strictSame(ran, []);
});

t.test('on every address of localhost', async (t) => {
  const { app, ran } = await startUpstream(t, {}, 'localhost');
  for (const { address, port } of app.addresses() as AddressInfo[]) {
    const url = `https://${address === '::1' ? '[::1]' : address}:${port}`;
    const anyName = { options: { checkServerIdentity: () => undefined } };
    const response = await mtlsRequest(profile, `${url}/whoami`, { headers: ALICE, ...anyName });
    t.equal(response.status, 403, address);
    t.equal(await upgradeStatus({ ...profile, ...anyName.options }, url), 403, address);
  }
  t.notOk(ran.includes('handler'));
  t.notOk(ran.includes('upgrade'));
});

t.test(
  'upgrades that a second server emits on the first are checked too, as Fastify does for ::1',
  async (t) => {
    const { app, ran } = await startUpstream(t);
    const second = createServer(serverTls).on('upgrade', app.server.emit.bind(app.server, 'upgrade'));
    second.listen(0, '127.0.0.1');
    await once(second, 'listening');
    t.teardown(() => second.close());
    const url = `https://127.0.0.1:${(second.address() as AddressInfo).port}`;
    t.equal(await upgradeStatus(profile, url), 403);
    t.strictSame(ran, []);
    t.equal(await upgradeStatus(gateway, url), 101);
  },
);

t.test('an injected request comes by no connection and is refused', async (t) => {
  const { app, ran } = await startUpstream(t);
  const response = await app.inject({ url: '/whoami', headers: ALICE });
  t.equal(response.statusCode, 403);
  t.notOk(ran.includes('handler'));
});

t.test('identity headers that cannot be relied on stop at the hook', async (t) => {
  const { url, ran } = await startUpstream(t);
  const cases: [string, readonly string[]][] = [
    ['none', []],
    ['repeated', [...Object.entries(ALICE).flat(), 'X-Identity-Subject', 'root']],
    ['undecodable', Object.entries({ ...ALICE, 'x-identity-subject': '%FF' }).flat()],
    ['version 2', Object.entries({ ...ALICE, 'x-identity-version': '2' }).flat()],
  ];
  for (const [name, headers] of cases) {
    const response = await mtlsRequest(gateway, `${url}/whoami`, { headers });
    t.equal(response.status, 403, name);
    t.equal(response.json().code, 'identity_invalid');
    t.equal(response.headers['content-type'], 'application/problem+json');
  }
  t.notOk(ran.includes('handler'));
  t.equal((await mtlsRequest(gateway, `${url}/health`)).text, 'anonymous', 'a route may do without');
});

t.test('requireScope lets through who has every scope', async (t) => {
  const { url } = await startUpstream(t);
  t.equal((await mtlsRequest(gateway, `${url}/orders`, { headers: ALICE })).status, 200);
  const response = await mtlsRequest(gateway, `${url}/both`, { headers: ALICE });
  t.equal(response.status, 403);
  t.equal(response.json().code, 'insufficient_scope');
  t.match(response.headers['www-authenticate'], 'scope="orders:read orders:write"');
});

t.test('another id may be named as the gateway', async (t) => {
  const { url } = await startUpstream(t, { gatewayId: spiffeId('profile') });
  t.equal((await mtlsRequest(profile, `${url}/whoami`, { headers: ALICE })).status, 200);
  t.equal((await mtlsRequest(gateway, `${url}/whoami`, { headers: ALICE })).status, 403);
});

t.test('a plain node:https server is guarded alike', async (t) => {
  const ran: string[] = [];
  const refused: (string | undefined)[] = [];
  const server = createServer(serverTls, (_request, response) => {
    ran.push('handler');
    response.end();
  });
  acceptOnlyGateway(server, { onRefused: ({ peer }) => refused.push(peer) });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.equal((await mtlsRequest(profile, url)).status, 403);
  t.strictSame(ran, []);
  t.strictSame(refused, [spiffeId('profile')]);
  t.equal((await mtlsRequest(gateway, url)).status, 200);
});

t.test('a server that lets unverified certificates in still refuses them', async (t) => {
  const lax = createServer({ ...serverTls, rejectUnauthorized: false }, (_request, response) =>
    response.end(),
  );
  acceptOnlyGateway(lax);
  lax.listen(0, '127.0.0.1');
  await once(lax, 'listening');
  t.teardown(() => lax.close());
  const url = `https://127.0.0.1:${(lax.address() as AddressInfo).port}`;
  const foreign = { ca, ...(await pki.foreignLeaf('gateway', GATEWAY_SPIFFE_ID)) };
  t.equal((await mtlsRequest(foreign, url)).status, 403, 'of another CA, in the name of the gateway');
  t.equal((await mtlsRequest({ ca }, url)).status, 403, 'no certificate');
  t.equal((await mtlsRequest(gateway, url)).status, 200);
});

t.test('the plugin does not start on a server without TLS', async (t) => {
  const app = Fastify();
  await t.rejects(async () => app.register(gatehouseIdentity), /needs an https server/);
});
