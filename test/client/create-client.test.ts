import t from 'tap';
import { type Change, createClient, errorOf, GatehouseError, memoryStore } from '../../client/index.js';
import { fakeGateway, ORIGIN, problem } from '../fixtures/fake-gateway.js';

const ANN = { email: 'ann@example.test', password: 'correct horse' };
const MINUTE_MS = 60_000;

/** One turn of the event loop after another. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

async function signedIn(expiresInS = 900) {
  const gateway = fakeGateway();
  gateway.expiresInS = expiresInS;
  let now = 1_000_000;
  const store = memoryStore();
  const client = createClient({ baseUrl: ORIGIN, store, fetch: gateway.fetch, now: () => now });
  const changes: Change[] = [];
  client.onChange((change) => changes.push(change));
  await client.login(ANN);
  return { gateway, client, store, changes, pass: (ms: number) => (now += ms) };
}

t.test('a login, a call with its token, and who it is', async (t) => {
  const { gateway, client, store, changes } = await signedIn();
  const response = await client.fetch('/api/orders');
  t.equal(response.status, 200);
  t.match(gateway.calls.at(-1), { path: '/api/orders', authorization: /^Bearer / });
  t.strictSame(await client.getIdentity(), {
    subject: 'ann',
    scopes: ['orders:read'],
    roles: ['user'],
    sessionId: 'session-1',
  });
  t.match(changes, [{ reason: 'login', identity: { subject: 'ann' } }]);
  t.equal(await store.get(), 'refresh-1');
});

t.test('a wrong password is a typed error with the code and the request id', async (t) => {
  const gateway = fakeGateway();
  gateway.answers.set('/auth/login', () => problem(429, 'too_many_attempts', { 'retry-after': '7' }));
  const client = createClient({ baseUrl: ORIGIN, store: memoryStore(), fetch: gateway.fetch });
  const error = (await client.login(ANN).catch((thrown: unknown) => thrown)) as GatehouseError;
  t.type(error, GatehouseError);
  t.match(error, { code: 'too_many_attempts', status: 429, retryAfterMs: 7000, requestId: 'r-1' });
});

t.test('the token goes to the gateway and to no other origin', async (t) => {
  const { gateway, client } = await signedIn();
  await client.fetch('https://elsewhere.example.test/api/orders');
  t.equal(gateway.calls.at(-1)?.authorization, null);
  await client.fetch(`${ORIGIN}:444/api/orders`);
  t.equal(gateway.calls.at(-1)?.authorization, null);
  await client.fetch(`${ORIGIN}/api/orders`);
  t.match(gateway.calls.at(-1)?.authorization, /^Bearer /);
});

t.test('a token that has little time left is renewed while it still serves', async (t) => {
  const { gateway, client, pass } = await signedIn();
  pass(14.5 * MINUTE_MS);
  const response = await client.fetch('/api/orders');
  t.equal(response.status, 200);
  await client.fetch('/api/orders');
  await until(() => gateway.callsOf('/auth/refresh').length > 0);
  t.equal(gateway.callsOf('/auth/refresh').length, 1);
  t.match(gateway.callsOf('/api/orders')[0]?.authorization, /token-1$/, 'nobody waited');
});

t.test('after a long sleep fifty calls make one refresh', async (t) => {
  const { gateway, client, pass } = await signedIn();
  pass(60 * MINUTE_MS);
  const responses = await Promise.all(Array.from({ length: 50 }, () => client.fetch('/api/orders')));
  t.ok(responses.every(({ status }) => status === 200));
  t.equal(gateway.callsOf('/auth/refresh').length, 1);
  t.ok(
    gateway.callsOf('/api/orders').every(({ authorization }) => authorization?.endsWith('token-2') === true),
  );
});

t.test('a token that the gateway refuses is replaced once, and the body goes again', async (t) => {
  const { gateway, client } = await signedIn();
  gateway.good.clear();
  const response = await client.fetch('/api/orders', { method: 'POST', body: '{"item":1}' });
  t.equal(response.status, 200);
  t.strictSame(
    gateway.callsOf('/api/orders').map(({ body }) => body),
    ['{"item":1}', '{"item":1}'],
  );
  gateway.good.clear();
  const request = new Request(`${ORIGIN}/api/orders`, { method: 'POST', body: 'from a Request' });
  t.equal((await client.fetch(request)).status, 200);
  t.strictSame(
    gateway
      .callsOf('/api/orders')
      .slice(2)
      .map(({ body }) => body),
    ['from a Request', 'from a Request'],
  );
});

t.test('a token that was refused elsewhere, as by a WebSocket, is replaced once', async (t) => {
  const { gateway, client } = await signedIn();
  const refused = await client.getToken();
  t.equal(await client.getToken(), refused);
  const [one, other] = await Promise.all([client.getToken(refused), client.getToken(refused)]);
  t.match(one, /token-2$/);
  t.equal(other, one);
  t.equal(await client.getToken(refused), one, 'whoever comes later finds that there is another');
  t.equal(gateway.callsOf('/auth/refresh').length, 1);
});

t.test('exactly once: a token that is refused again is the answer', async (t) => {
  const { gateway, client } = await signedIn();
  gateway.answers.set('/api/orders', () => problem(401, 'token_claims'));
  t.equal((await client.fetch('/api/orders')).status, 401);
  t.equal(gateway.callsOf('/api/orders').length, 2);
  t.equal(gateway.callsOf('/auth/refresh').length, 1);
});

t.test('a stream is sent once', async (t) => {
  const { gateway, client } = await signedIn();
  gateway.good.clear();
  const body = new Blob(['streamed']).stream();
  const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
  t.equal((await client.fetch('/api/orders', init)).status, 401);
  t.equal(gateway.callsOf('/api/orders').length, 1);
});

t.test("a 401 that is not about the token is the application's own", async (t) => {
  const { gateway, client } = await signedIn();
  gateway.answers.set(
    '/api/orders',
    () => new Response('no', { status: 401, headers: { 'www-authenticate': 'Basic' } }),
  );
  t.equal((await client.fetch('/api/orders')).status, 401);
  gateway.answers.set('/api/orders', () =>
    problem(401, 'credentials_missing', { 'www-authenticate': 'Bearer' }),
  );
  t.equal((await client.fetch('/api/orders')).status, 401);
  t.equal(gateway.callsOf('/auth/refresh').length, 0);
});

t.test('an outage ends no session: 5xx, 429, offline, a page of a proxy', async (t) => {
  const { gateway, client, changes, pass, store } = await signedIn();
  pass(60 * MINUTE_MS);
  const outages: [string, () => Response, string][] = [
    ['the auth service is down', () => problem(503, 'upstream_unreachable'), 'upstream_unreachable'],
    ['too many', () => problem(429, 'rate_limited'), 'rate_limited'],
    ['a proxy in between', () => new Response('<html>', { status: 502 }), 'unexpected_answer'],
    ['a captive portal', () => new Response('<html>welcome', { status: 200 }), 'unexpected_answer'],
    [
      'offline',
      () => {
        throw new TypeError('fetch failed');
      },
      'network_error',
    ],
  ];
  for (const [name, answer, code] of outages) {
    gateway.answers.set('/auth/refresh', answer);
    await t.rejects(client.fetch('/api/orders'), { name: 'GatehouseError', code, isTransient: true }, name);
    pass(1000);
  }
  t.equal(changes.length, 1, 'nobody was told of an end');
  t.equal(await store.get(), 'refresh-1');
  gateway.answers.delete('/auth/refresh');
  t.equal((await client.fetch('/api/orders')).status, 200, 'and all is well again');
});

t.test('Retry-After is kept to', async (t) => {
  const { gateway, client, pass } = await signedIn();
  pass(60 * MINUTE_MS);
  gateway.answers.set('/auth/refresh', () => problem(503, 'upstream_unreachable', { 'retry-after': '30' }));
  for (const _ of [1, 2, 3])
    await t.rejects(client.fetch('/api/orders'), { name: 'GatehouseError', retryAfterMs: 30_000 });
  t.equal(gateway.callsOf('/auth/refresh').length, 1);
  gateway.answers.delete('/auth/refresh');
  pass(30_000);
  t.equal((await client.fetch('/api/orders')).status, 200);
});

t.test('an outage that does not say how long is asked about once a second, however many calls', async (t) => {
  const { gateway, client, pass } = await signedIn();
  pass(60 * MINUTE_MS);
  gateway.answers.set('/auth/refresh', () => problem(502, 'upstream_unreachable'));
  for (let i = 0; i < 20; i++) {
    await t.rejects(client.fetch('/api/orders'), { code: 'upstream_unreachable', retryAfterMs: undefined });
    pass(100);
  }
  t.equal(gateway.callsOf('/auth/refresh').length, 2);
});

t.test('a clock that is set back makes nobody wait longer', async (t) => {
  const { gateway, client, pass } = await signedIn();
  pass(60 * MINUTE_MS);
  gateway.answers.set('/auth/refresh', () => problem(503, 'store_unavailable', { 'retry-after': '5' }));
  await t.rejects(client.fetch('/api/orders'), { code: 'store_unavailable' });
  gateway.answers.delete('/auth/refresh');
  pass(-30_000);
  t.equal((await client.fetch('/api/orders')).status, 200);
});

t.test('an answer that refuses is made an error', async (t) => {
  const refused = problem(503, 'revocation_stale', { 'retry-after': '5' });
  t.match(await errorOf(refused), {
    code: 'revocation_stale',
    status: 503,
    retryAfterMs: 5000,
    isTransient: true,
  });
  const own = new Response('{"message":"no such order"}', { status: 404 });
  t.match(await errorOf(own), { code: 'unexpected_answer', status: 404, isTransient: false });
});

t.test('whether trying again makes sense', (t) => {
  const isTransient = (code: GatehouseError['code'], status: number) =>
    new GatehouseError(code, 'm', { status }).isTransient;
  t.ok(isTransient('network_error', 0));
  t.ok(isTransient('unexpected_answer', 200), 'a captive portal');
  t.ok(isTransient('rate_limited', 429));
  t.ok(isTransient('store_unavailable', 503));
  t.notOk(isTransient('unexpected_answer', 404), 'a refusal of the service behind');
  t.notOk(isTransient('invalid_credentials', 401));
  t.notOk(isTransient('insufficient_scope', 403));
  t.end();
});

for (const code of ['session_revoked', 'session_expired', 'refresh_token_reused', 'refresh_token_invalid']) {
  t.test(`${code} ends the session, with the reason`, async (t) => {
    const { gateway, client, changes, store } = await signedIn();
    gateway.good.clear();
    gateway.answers.set('/auth/refresh', () => problem(401, code));
    t.equal((await client.fetch('/api/orders')).status, 401);
    t.match(changes.at(-1), { identity: undefined, reason: code });
    t.equal(await store.get(), undefined);
    await client.fetch('/api/orders');
    t.equal(gateway.calls.at(-1)?.authorization, null, 'calls go on without a token');
    t.equal(gateway.callsOf('/auth/refresh').length, 1, 'and nobody asks again');
  });
}

t.test('a clock that is wrong by an hour, or jumps, does no harm', async (t) => {
  for (const jumpMs of [60 * MINUTE_MS, -60 * MINUTE_MS]) {
    const { gateway, client, changes, pass } = await signedIn();
    pass(jumpMs);
    t.equal((await client.fetch('/api/orders')).status, 200);
    gateway.good.clear(); // the token's real end
    t.equal((await client.fetch('/api/orders')).status, 200);
    t.equal(changes.length, 1);
  }
});

t.test(
  'logout ends it here and there, and a refresh that was under way does not bring it back',
  async (t) => {
    const { gateway, client, changes, store, pass } = await signedIn();
    pass(60 * MINUTE_MS);
    let answer: (response: Response | undefined) => void = () => undefined;
    gateway.answers.set(
      '/auth/refresh',
      () => new Promise<Response | undefined>((resolve) => (answer = resolve)),
    );
    const late = client.getToken();
    await until(() => gateway.callsOf('/auth/refresh').length > 0);
    t.equal(await client.logout(), 'revoked');
    answer(undefined); // as ever: a good one
    t.equal(await late, undefined);
    t.equal(await client.getIdentity(), undefined);
    t.equal(await store.get(), undefined);
    t.match(changes.at(-1), { identity: undefined, reason: 'logout' });
    t.match(gateway.callsOf('/auth/logout')[0], {
      authorization: /^Bearer /,
      body: '{"refresh_token":"refresh-1"}',
    });
  },
);

t.test('a logout that got no answer is told, and can be tried again', async (t) => {
  const { gateway, client, changes } = await signedIn();
  gateway.answers.set('/auth/logout', () => problem(503, 'upstream_unreachable'));
  await t.rejects(client.logout(), { code: 'upstream_unreachable' });
  t.match(await client.getIdentity(), { subject: 'ann' });
  gateway.answers.set('/auth/logout', () => Response.json({ pending: true }));
  t.equal(await client.logout(), 'pending');
  t.equal(changes.at(-1)?.reason, 'logout');
});

t.test('a process that starts again goes on with the refresh token of its store', async (t) => {
  const { gateway, store } = await signedIn();
  const again = createClient({ baseUrl: ORIGIN, store, fetch: gateway.fetch });
  t.match(await again.getIdentity(), { subject: 'ann' });
  t.equal(await store.get(), 'refresh-2');
  const nobody = createClient({ baseUrl: ORIGIN, store: memoryStore(), fetch: gateway.fetch });
  t.equal(await nobody.getIdentity(), undefined);
  t.equal(gateway.callsOf('/auth/refresh').length, 1, 'without a token nobody is asked');
});

t.test('no error holds a token', async (t) => {
  const { gateway, client, pass } = await signedIn();
  pass(60 * MINUTE_MS);
  gateway.answers.set('/auth/refresh', () => problem(503, 'upstream_unreachable'));
  const error = (await client.fetch('/api/orders').catch((thrown: unknown) => thrown)) as Error;
  const said = JSON.stringify({ ...error, message: error.message, stack: error.stack });
  for (const secret of ['refresh-1', 'token-1']) t.notOk(said.includes(secret), secret);
});

t.test('a page that comes up without a session learns why, once', async (t) => {
  const gateway = fakeGateway();
  gateway.answers.set('/auth/refresh', () => problem(401, 'session_revoked'));
  const client = createClient({ baseUrl: ORIGIN, store: memoryStore('refresh-0'), fetch: gateway.fetch });
  const changes: Change[] = [];
  client.onChange((change) => changes.push(change));
  t.equal(await client.getIdentity(), undefined);
  t.equal(await client.getIdentity(), undefined);
  t.strictSame(changes, [{ identity: undefined, reason: 'session_revoked' }]);
});
