/**
 * The installation of docker-compose.yml, as processes on loopback: two gateways, two auth services, the stubs, a real
 * Redis and a real PostgreSQL.
 */
import { decodeProtectedHeader } from 'jose';
import t from 'tap';
import type { TokenResponse } from '../../contracts/auth-api.js';
import { eventually } from '../fixtures/eventually.js';
import { mtlsRequest } from '../fixtures/mtls-request.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { needsRedis } from '../fixtures/redis.js';
import { loseRedisWrites } from '../fixtures/redis-faults.js';
import { killAuthServices, startSessionClients } from '../fixtures/session-clients.js';
import { startTopology, type Topology, USER } from '../fixtures/topology.js';

/** A second, where nothing else runs: test/long holds that. Here, the machine may be busy. */
const MOMENT_MS = 10_000;

t.setTimeout(180_000); // many processes: on a machine that is busy with other things it takes a while

const needsBoth = { skip: needsPostgres.skip || needsRedis.skip };
let shared: Promise<Topology> | undefined;
const topology = (): Promise<Topology> => {
  shared ??= startTopology(t);
  return shared;
};

t.test('a token that one gateway handed out is good at both', needsBoth, async (t) => {
  const { gatewayA, gatewayB } = await topology();
  const { access_token: token } = await gatewayA.api.login(USER);
  const [a, b] = await Promise.all([
    gatewayA.api.get('/api/orders', token),
    gatewayB.api.get('/api/orders', token),
  ]);
  t.equal(a.status, 200);
  t.strictSame(b.body, a.body, 'the same caller, as the upstream sees it');
});

t.test('a logout at gateway A is refused at gateway B in a moment', needsBoth, async (t) => {
  const { gatewayA, gatewayB } = await topology();
  for (let round = 1; round <= 3; round++) {
    const { access_token: token } = await gatewayA.api.login(USER);
    t.equal((await gatewayB.api.get('/api/profile', token)).status, 200);
    t.match(await gatewayA.api.logout(token), { status: 200, body: { revoked: true } });
    const code = async () => (await gatewayB.api.get('/api/profile', token)).code;
    const elapsedMs = await eventually(code, (answer) => answer === 'token_revoked');
    t.ok(elapsedMs < MOMENT_MS, `refused after ${Math.round(elapsedMs)} ms`);
  }
});

t.test('each auth service accepts a refresh token that the other issued', needsBoth, async (t) => {
  const { authA, authB, as } = await topology();
  const post = async (base: string, path: string, body: object) => {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const reply = await mtlsRequest(as('gateway'), base + path, init);
    t.equal(reply.status, 200, reply.text);
    return reply.json<Required<TokenResponse>>();
  };
  const first = await post(authA.url, '/auth/login', USER);
  const second = await post(authB.url, '/auth/refresh', { refresh_token: first.refresh_token });
  const third = await post(authA.url, '/auth/refresh', { refresh_token: second.refresh_token });
  t.equal(third.session_id, first.session_id);
  t.equal(new Set([first, second, third].map(({ refresh_token }) => refresh_token)).size, 3);
});

t.test('no upstream and no auth service takes anyone but a gateway', needsBoth, async (t) => {
  const { stubs, authA, as } = await topology();
  const { ca } = as('gateway');
  await t.rejects(mtlsRequest({ ca }, `${stubs.url}/api/orders`), /certificate required/, 'no certificate');
  await t.rejects(mtlsRequest({ ca }, `${authA.url}/auth/login`), /certificate required/, 'no certificate');
  const refused = await mtlsRequest(as('profile'), `${stubs.url}/api/orders`);
  t.match(refused.json(), { status: 403, code: 'gateway_required' }, 'another part of the house');
  await t.rejects(
    mtlsRequest(as('profile'), `${authA.url}/.well-known/jwks.json`),
    'another part of the house',
  );
});

t.test(
  'emergency: a key that is revoked is refused at every gateway, whoever it signed for',
  needsBoth,
  async (t) => {
    const { gatewayA, gateways, admin } = await topology();
    const before = await gatewayA.api.login(USER);
    const codes = (token: string) =>
      Promise.all(gateways.map(async ({ api }) => (await api.get('/api/profile', token)).code));
    t.strictSame(await codes(before.access_token), [undefined, undefined]);
    const { kid } = decodeProtectedHeader(before.access_token);
    t.equal((await admin('POST', `/keys/${kid}/revoke`)).status, 200);
    const allRefused = (answer: unknown) => String(answer) === 'token_kid,token_kid';
    const elapsedMs = await eventually(() => codes(before.access_token), allRefused);
    t.ok(elapsedMs < MOMENT_MS, `refused everywhere after ${Math.round(elapsedMs)} ms`);
    const after = await gatewayA.api.post('/auth/refresh', { refresh_token: before.refresh_token });
    const { access_token: token = '' } = after.body as { access_token?: string };
    t.strictSame(await codes(token), [undefined, undefined], 'and the sessions go on, by another key');
  },
);

t.test('a failover of Redis that loses writes lets nobody in again', needsBoth, async (t) => {
  const outcome = await loseRedisWrites(await topology(), 'failover');
  t.strictSame(outcome.atStarting, [], 'at a gateway that starts meanwhile');
  t.ok(outcome.latestAtRunningMs < MOMENT_MS, `${outcome.latestAtRunningMs} ms`);
  t.ok(outcome.latestAtStartingMs < MOMENT_MS, `${outcome.latestAtStartingMs} ms`);
});

t.test('kill -9 in the middle of refreshes and logouts loses none of them', needsBoth, async (t) => {
  const clients = startSessionClients(await topology(), 4);
  await killAuthServices(await topology(), clients, { times: 2 });
  const { wrongs, ...counts } = await clients.stop();
  t.strictSame(wrongs, []);
  t.comment(JSON.stringify(counts));
});

t.test('kill -9 of one auth service does not disturb traffic, and logins go on', needsBoth, async (t) => {
  const { gatewayA, gatewayB, authA } = await topology();
  const { access_token: token } = await gatewayA.api.login(USER);
  const statuses: number[] = [];
  let go = true;
  const streams = [gatewayA, gatewayB].map(async ({ api }) => {
    while (go) statuses.push((await api.get('/api/orders', token)).status);
  });

  t.equal(await authA.process.end('SIGKILL'), 'signal SIGKILL');
  const beforeLogins = statuses.length;
  for (const { api } of [gatewayA, gatewayB]) {
    const login = async () => (await api.post('/auth/login', USER)).status;
    const elapsedMs = await eventually(login, (status) => status === 200);
    t.comment(`login after ${Math.round(elapsedMs)} ms`);
    for (let i = 0; i < 5; i++) t.equal(await login(), 200, 'and every time from then on');
  }
  await eventually(
    async () => statuses.length,
    (count) => count > beforeLogins + 100,
  );
  go = false;
  await Promise.all(streams);
  t.strictSame([...new Set(statuses)], [200], `${statuses.length} calls meanwhile`);

  const { access_token: another } = await gatewayA.api.login(USER);
  t.equal((await gatewayA.api.logout(another)).status, 200, 'and so does a logout');
  await eventually(
    async () => (await gatewayB.api.get('/api/orders', another)).code,
    (code) => code === 'token_revoked',
  );
});

t.test('SIGHUP makes a gateway read its config again', needsBoth, async (t) => {
  const { gatewayA } = await topology();
  process.kill(gatewayA.process.pid, 'SIGHUP');
  t.match(JSON.parse(await gatewayA.process.line('config unchanged')), { trigger: 'signal' });
  t.ok(await gatewayA.isReady());
});

t.test('SIGTERM ends each part with exit code 0', needsBoth, async (t) => {
  const { gatewayA, gatewayB, authB, stubs } = await topology();
  for (const [name, part] of Object.entries({ gatewayA, gatewayB, authB, stubs })) {
    t.equal(await part.process.end('SIGTERM'), 'exit code 0', name);
  }
});
