import { once } from 'node:events';
import { METHODS } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import t from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import { createLogger } from '../../kit/logger.js';
import { StartupError } from '../../kit/startup-error.js';
import { loadStubsConfig, STUB_NAMES, startUpstreamStubs } from '../../upstream-stubs/index.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { mtlsRequest, openRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';
import { gatewayClient, identityOf, startStubs, stubsConfig } from '../fixtures/upstream-stubs.js';

const CONFIG = new URL('../../config/upstream-stubs.yaml', import.meta.url).pathname;
const pki = await testPki();
const gateway = await gatewayClient();
const logger = createLogger('test', { level: 'silent' });
const alice = identityOf('alice');
const bob = identityOf('bob');
const json = { 'content-type': 'application/json' };

t.test('every stub takes the gateway and nobody else', async (t) => {
  const { urls } = await startStubs(t, STUB_NAMES);
  for (const name of STUB_NAMES) {
    const health = `${urls[name]}/health`;
    t.strictSame((await mtlsRequest(gateway, health)).json(), { status: 'ok' }, `${name}: the gateway`);
    await t.rejects(
      mtlsRequest({ ca: pki.ca }, health),
      { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' },
      `${name}: no certificate`,
    );
    const itself = { ca: pki.ca, ...(await pki.leaf(name, spiffeId(name))) };
    t.equal((await mtlsRequest(itself, health, { headers: alice })).status, 403, `${name}: another leaf`);
  }
});

t.test('orders: each caller has their own', async (t) => {
  const clock = fakeClock(Date.UTC(2030, 0, 1));
  const { urls } = await startStubs(t, ['orders'], clock);
  const url = `${urls.orders}/api/orders`;
  const body = JSON.stringify({ item: 'tea', quantity: 2 });
  const created = await mtlsRequest(gateway, url, { method: 'POST', headers: { ...alice, ...json }, body });
  t.equal(created.status, 201);
  const order = created.json<{ id: string }>();
  t.strictSame(order, { id: order.id, item: 'tea', quantity: 2, created_at: '2030-01-01T00:00:00.000Z' });
  t.equal(created.headers.location, `/api/orders/${order.id}`);
  t.equal(created.headers['cache-control'], 'no-store');

  const own = urls.orders + created.headers.location;
  t.strictSame((await mtlsRequest(gateway, own, { headers: alice })).json(), order);
  t.strictSame((await mtlsRequest(gateway, url, { headers: alice })).json(), {
    subject: 'alice',
    orders: [order],
  });

  t.equal((await mtlsRequest(gateway, own, { headers: bob })).status, 404);
  t.strictSame((await mtlsRequest(gateway, url, { headers: bob })).json(), { subject: 'bob', orders: [] });
  const namesake = identityOf('alice', { 'x-identity-issuer': 'https://other.test' });
  t.equal(
    (await mtlsRequest(gateway, own, { headers: namesake })).status,
    404,
    'the same subject of another issuer',
  );
});

t.test('orders: refuses what is no order, and who may not', async (t) => {
  const { urls } = await startStubs(t, ['orders']);
  const post = async (body: string, headers: Record<string, string> = alice) =>
    mtlsRequest(gateway, `${urls.orders}/api/orders`, {
      method: 'POST',
      headers: { ...headers, ...json },
      body,
    });
  const bad = [
    '',
    'tea',
    '[]',
    '{"item":"tea"}',
    '{"item":"tea","quantity":"2"}',
    '{"item":"tea","quantity":0}',
    '{"item":"tea","quantity":1.5}',
    '{"item":"","quantity":1}',
    '{"item":"tea","quantity":1,"price":0}',
    '{"item":"tea","quantity":1,"__proto__":{}}',
  ];
  for (const body of bad) {
    const response = await post(body);
    t.equal(response.status, 400, body);
    t.equal(response.json().code, 'json_invalid');
  }
  const reader = identityOf('alice', { 'x-identity-scopes': 'orders:read' });
  t.equal((await post('{"item":"tea","quantity":1}', reader)).json().code, 'insufficient_scope');
});

t.test('profile: answers the identity it was given, other scripts too', async (t) => {
  const { urls } = await startStubs(t, ['profile']);
  const headers = identityOf('Zo%C3%AB%20%E5%B1%B1', { 'x-identity-roles': 'x%20admin user' });
  const response = await mtlsRequest(gateway, `${urls.profile}/api/profile`, { headers });
  t.strictSame(response.json(), {
    kind: 'user',
    subject: 'Zoë 山',
    issuer: 'https://id.test',
    scopes: ['orders:read', 'orders:write', 'profile:read'],
    roles: ['x admin', 'user'],
  });
});

t.test('echo: answers what arrived, byte for byte', async (t) => {
  const { urls } = await startStubs(t, ['echo']);
  const path = '/api/echo/a/%41/;x/%C3%A4';
  const headers = [...Object.entries(alice).flat(), 'X-Twice', 'a', 'x-twice', 'b', 'Content-Length', '6'];
  const response = await mtlsRequest(gateway, `${urls.echo}${path}?b=%20&b=2?`, {
    method: 'POST',
    headers: [...headers, 'Content-Type', 'not a media type'],
    body: 'grüß',
  });
  const echo = response.json<{ headers: Record<string, unknown> }>();
  t.match(echo, { method: 'POST', path, query: 'b=%20&b=2?', body: 'grüß' });
  t.match(echo.headers, { 'x-identity-subject': 'alice', 'x-twice': ['a', 'b'], 'content-length': '6' });
  t.notOk('body_encoding' in echo);
});

t.test('echo: takes every method, any body', async (t) => {
  const { urls } = await startStubs(t, ['echo']);
  for (const method of METHODS.filter((known) => known !== 'CONNECT' && known !== 'HEAD')) {
    const response = await mtlsRequest(gateway, `${urls.echo}/public/echo/x`, {
      method,
      headers: { ...alice, 'content-length': 2 },
      body: new Uint8Array([0xff, 0x00]),
    });
    t.match(response.json(), { method, body: '/wA=', body_encoding: 'base64' }, method);
  }
  t.equal(
    (await mtlsRequest(gateway, `${urls.echo}/public/echo/x`, { method: 'HEAD', headers: alice })).status,
    200,
  );
  t.strictSame((await mtlsRequest(gateway, `${urls.echo}/public/status`, { headers: alice })).json(), {
    status: 'ok',
  });
});

t.test('echo: shows trailers, and refuses a body over 1 MiB, declared or chunked', async (t) => {
  const { urls } = await startStubs(t, ['echo']);
  const url = `${urls.echo}/api/admin/x`;
  const outgoing = openRequest(gateway, url, { method: 'POST', headers: { ...alice, trailer: 'x-late' } });
  outgoing.write('a');
  outgoing.addTrailers({ 'x-late': '1' });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer>];
  let text = '';
  for await (const chunk of response) text += chunk.toString();
  t.match(JSON.parse(text), { body: 'a', trailers: { 'x-late': '1' } });

  const body = 'x'.repeat(1024 * 1024);
  const most = await mtlsRequest(gateway, url, { method: 'POST', headers: alice, body });
  t.equal(most.json<{ body: string }>().body.length, body.length);
  for (const framing of [{ 'content-length': body.length + 1 }, { 'transfer-encoding': 'chunked' }]) {
    const tooMuch = mtlsRequest(gateway, url, {
      method: 'POST',
      headers: { ...alice, ...framing },
      body: `${body}x`,
    });
    t.equal((await tooMuch).json().code, 'body_too_large', JSON.stringify(framing));
  }
});

t.test('only the stubs asked for are started, and read their certificates', async (t) => {
  const config = await stubsConfig(t);
  config.echo.tls.cert = '/nowhere.pem';
  const running = await startUpstreamStubs(config, { only: ['profile'], logger });
  t.strictSame(Object.keys(running.urls), ['profile']);
  await running.stop();
  await t.rejects(
    startUpstreamStubs(config, { logger }),
    new StartupError('cannot read /nowhere.pem: ENOENT'),
  );
});

t.test('a port in use is one clear line, and what had started is stopped', async (t) => {
  const occupied = createServer().listen(0, '127.0.0.1');
  await once(occupied, 'listening');
  t.teardown(() => occupied.close());
  const config = await stubsConfig(t);
  config.events.listen.port = (occupied.address() as AddressInfo).port;
  const lines: string[] = [];
  const log = createLogger('test', { destination: { write: (line) => void lines.push(line) } });
  const failure = await startUpstreamStubs(config, { logger: log }).catch((error: unknown) => error);
  t.ok(failure instanceof StartupError);
  t.match(
    (failure as Error).message,
    /^upstream stub events cannot listen on 127\.0\.0\.1:\d+: the port is in use/,
  );
  const url = /https:[^"]+/.exec(lines.find((line) => line.includes('"stub":"orders"')) ?? '')?.[0] ?? '';
  await t.rejects(mtlsRequest(gateway, `${url}/health`), { code: 'ECONNREFUSED' });
});

t.test('the shipped config: defaults, environment, and mistakes named', (t) => {
  const defaults = loadStubsConfig(CONFIG, {});
  t.strictSame(
    STUB_NAMES.map((name) => defaults[name].listen),
    [9501, 9502, 9503, 9504, 9505].map((port) => ({ host: '127.0.0.1', port })),
  );
  t.equal(defaults.events.tls.key, '.gatehouse/pki/events-key.pem');
  const changed = loadStubsConfig(CONFIG, { ECHO_PORT: '0', PKI_DIR: '/pki', STUBS_HOST: '0.0.0.0' });
  t.strictSame(changed.echo, {
    listen: { host: '0.0.0.0', port: 0 },
    tls: { ca: '/pki/ca.pem', cert: '/pki/echo.pem', key: '/pki/echo-key.pem' },
  });
  t.throws(() => loadStubsConfig(CONFIG, { ECHO_PORT: 'many' }), {
    message: /echo\.listen\.port has to be a whole number/,
  });
  t.end();
});

t.test('stop cuts off what never ends: a silent connection, a half-sent request', async (t) => {
  const { urls, stop } = await startStubs(t, ['echo', 'orders']);
  const silent = connect(Number(new URL(urls.echo).port), '127.0.0.1');
  await once(silent, 'connect');
  const half = openRequest(gateway, `${urls.orders}/api/orders`, {
    method: 'POST',
    headers: { ...alice, ...json, 'content-length': 10, expect: '100-continue' },
  });
  half.on('error', () => undefined);
  half.flushHeaders();
  await once(half, 'continue');
  const startedAt = performance.now();
  await stop();
  t.ok(performance.now() - startedAt < 15_000);
});
