import t, { type Test } from 'tap';
import { startTestGateway, type TestGatewayOptions } from '../fixtures/test-gateway.js';
import { signToken, testKey } from '../fixtures/test-issuer.js';

/** Who may: each kind of rule, what the client is told about it, and what log and metric say. */

const AUTH = {
  caller: { issuers: ['main'] },
  staff: { issuers: ['main'], roles: ['staff', 'admin'], claims: { org: 'acme' } },
};

async function start(t: Test, routes: object[], more: TestGatewayOptions = {}) {
  const gateway = await startTestGateway(t, {
    routes: routes.map((route) => ({ methods: ['GET'], upstream: 'app', ...route })),
    config: { auth: AUTH },
    ...more,
  });
  const get = async (path: string, claims: Record<string, unknown> = {}): Promise<unknown> => {
    const authorization = `Bearer ${gateway.token(claims)}`;
    const reply = await fetch(`${gateway.url}${path}`, { headers: { authorization } });
    return reply.status === 200 ? 200 : [reply.status, ((await reply.json()) as { code: string }).code];
  };
  const metrics = async (): Promise<string> => (await fetch(`${gateway.gateway.adminUrl}/metrics`)).text();
  return { ...gateway, get, metrics };
}

const scope = [403, 'insufficient_scope'];
const role = [403, 'insufficient_role'];
const denied = [403, 'access_denied'];

t.test('scopes: all of them; any_scope: one of them', async (t) => {
  const { get } = await start(t, [
    { path: '/all', auth: { profile: 'caller', scopes: ['a', 'b'] } },
    { path: '/any', auth: { profile: 'caller', any_scope: ['a', 'b'] } },
  ]);
  t.equal(await get('/all', { scope: 'b c a' }), 200);
  t.same(await get('/all', { scope: 'a' }), scope);
  t.same(await get('/all', { scope: 'ab' }), scope, 'a scope is a word');
  t.same(await get('/all', { scope: '' }), scope);
  t.equal(await get('/any', { scope: 'b' }), 200);
  t.same(await get('/any', { scope: 'c' }), scope);
});

t.test('a route narrows its profile and never widens it', async (t) => {
  const { get } = await start(t, [
    { path: '/staff', auth: 'staff' },
    { path: '/editors', auth: { profile: 'staff', roles: ['editor'] } },
  ]);
  t.equal(await get('/staff', { roles: ['admin'], org: 'acme' }), 200);
  t.same(await get('/staff', { roles: ['admin'] }), denied);
  t.same(await get('/staff', { roles: ['user'], org: 'acme' }), role);
  t.same(
    await get('/editors', { roles: ['editor'], org: 'acme' }),
    role,
    'an editor who is not of the staff',
  );
  t.equal(await get('/editors', { roles: ['editor', 'staff'], org: 'acme' }), 200);
});

t.test('claims: a value, one of several, a path parameter', async (t) => {
  const { get, seen } = await start(t, [
    {
      path: '/equals',
      auth: { profile: 'caller', claims: { 'org.tenant': 'acme', verified: true, level: 3 } },
    },
    { path: '/one', auth: { profile: 'caller', claims: { region: { one_of: ['eu', 'us'] } } } },
    { path: '/url', auth: { profile: 'caller', claims: { 'https://a.test/plan': 'pro' } } },
    { path: '/users/:id/orders', auth: { profile: 'caller', claims: { sub: { param: 'id' } } } },
    { path: '/tenants/:tenant', auth: { profile: 'caller', claims: { tenants: { param: 'tenant' } } } },
    {
      path: '/files/:name',
      encoded_slash: 'allow',
      auth: { profile: 'caller', claims: { file: { param: 'name' } } },
    },
  ]);
  const good = { org: { tenant: 'acme' }, verified: true, level: 3 };
  t.equal(await get('/equals', good), 200);
  t.same(await get('/equals', { ...good, verified: 'true' }), denied, 'a text is no boolean');
  t.same(await get('/equals', { ...good, level: '3' }), denied);
  t.same(await get('/equals', { ...good, org: 'acme' }), denied);
  t.same(await get('/equals', { ...good, org: undefined, 'org.tenant': 'acme' }), denied);
  t.equal(await get('/one', { region: 'us' }), 200);
  t.equal(await get('/one', { region: ['ap', 'eu'] }), 200, 'a list has it');
  t.same(await get('/one', { region: 'EU' }), denied);
  t.same(await get('/one', { region: { eu: true } }), denied);
  t.same(await get('/one'), denied, 'missing');
  t.equal(await get('/url', { 'https://a.test/plan': 'pro' }), 200);

  t.equal(await get('/users/u1/orders', { sub: 'u1' }), 200);
  t.same(await get('/users/u2/orders', { sub: 'u1' }), denied);
  t.same(await get('/users/U1/orders', { sub: 'u1' }), denied);
  t.equal(await get('/users/a%20b%40c/orders', { sub: 'a b@c' }), 200, 'compared decoded');
  t.same(await get('/users/a%2541/orders', { sub: 'aA' }), denied, 'decoded once');
  t.equal(await get('/users/a%2541/orders', { sub: 'a%41' }), 200);
  t.equal(seen.at(-1)?.url, '/users/a%2541/orders', 'what was decided on is what is forwarded');
  t.equal(await get('/tenants/acme', { tenants: ['other', 'acme'] }), 200);
  t.equal(await get('/tenants/42', { tenants: 42 }), 200);
  t.same(await get('/tenants/042', { tenants: 42 }), denied);
  t.same(await get('/tenants/true', { tenants: true }), denied);
  t.same(await get('/tenants/acme', { tenants: 'acme-2' }), denied);
  t.equal(await get('/files/a%2Fb', { file: 'a/b' }), 200);
  t.same(await get('/files/constructor', {}), denied);
});

t.test('services are those of our own auth service', async (t) => {
  const foreignKey = await testKey();
  const { get, url, seen } = await start(
    t,
    [{ path: '/x', auth: { profile: 'both', services: ['orders'] } }],
    {
      config: {
        auth: { both: { issuers: ['main', 'foreign'] } },
        issuers: {
          main: {
            issuer: 'http://issuer.test',
            audience: 'urn:gatehouse:api',
            jwks_uri: 'https://keys/jwks',
            upstream: 'keys',
            own: true,
          },
          foreign: {
            issuer: 'https://id.test',
            audience: 'urn:gatehouse:api',
            jwks: { keys: [foreignKey.jwk] },
          },
        },
      },
    },
  );
  t.equal(await get('/x', { sub: 'svc:orders' }), 200);
  t.equal(new Map(seen.at(-1)?.headers).get('x-identity-kind'), 'service');
  t.same(await get('/x', { sub: 'svc:billing' }), denied);
  t.same(await get('/x', { sub: 'orders' }), denied);
  t.same(await get('/x', { sub: 'user-1', roles: ['svc:orders'] }), denied);
  const nowS = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'https://id.test',
    aud: 'urn:gatehouse:api',
    sub: 'svc:orders',
    exp: nowS + 60,
    iat: nowS,
  };
  const reply = await fetch(`${url}/x`, {
    headers: { authorization: `Bearer ${signToken(foreignKey, claims)}` },
  });
  t.match(
    await reply.json(),
    { status: 403, code: 'access_denied' },
    'another issuer cannot name our services',
  );
});

t.test('the client is told what RFC 6750 allows; log and metric name the rule', async (t) => {
  const { get, url, token, logs, metrics } = await start(t, [
    { path: '/scope', auth: { profile: 'caller', scopes: ['b', 'c'] } },
    { path: '/users/:id', auth: { profile: 'caller', claims: { sub: { param: 'id' } } } },
    { path: '/staff', auth: 'staff' },
  ]);
  const reply = await fetch(`${url}/scope`, {
    headers: { authorization: `Bearer ${token({ scope: 'b' })}` },
  });
  t.match(
    reply.headers.get('www-authenticate') ?? '',
    /^Bearer error="insufficient_scope", error_description="[^"]+", scope="b c"$/,
  );
  const other = await fetch(`${url}/users/secret-user`, {
    headers: { authorization: `Bearer ${token({ sub: 'secret-sub' })}` },
  });
  t.equal(other.headers.get('www-authenticate'), null);
  t.notMatch(await other.text(), /claim|param|rule|sub/, 'not which rule');
  await get('/staff', { roles: ['user'] });
  const log = logs.join('');
  t.match(log, /"code":"access_denied","reason":"route\.claims\.sub"/);
  t.match(log, /"reason":"auth\.staff\.roles"/);
  t.match(log, /"reason":"scopes"/);
  t.notMatch(log, /secret-/, 'and no value');
  t.match(
    await metrics(),
    /gatehouse_denials_total\{route="GET \/users\/:id",code="access_denied",reason="route.claims.sub",report_only="false"\} 1/,
  );
});

t.test('report-only: what would be refused goes on as nobody, and is written down', async (t) => {
  const { url, token, seen, logs, metrics, feed, issuer } = await start(t, [
    { path: '/trial/:id', auth: { profile: 'staff', report_only: true, claims: { sub: { param: 'id' } } } },
    { path: '/strict', auth: 'staff' },
  ]);
  const staff = { roles: ['staff'], org: 'acme' };
  const identity = async (headers: Record<string, string>, path = '/trial/user-1'): Promise<unknown> => {
    const reply = await fetch(`${url}${path}`, { headers });
    const got = (seen.at(-1)?.headers ?? []).filter(([name]) => /^x-identity-/.test(name));
    return reply.status === 200 ? Object.fromEntries(got) : reply.status;
  };
  const bearer = (claims: object, header: object = {}) => ({
    authorization: `Bearer ${token({ ...claims }, { ...header })}`,
  });
  const nobody = { 'x-identity-version': '1', 'x-identity-kind': 'anonymous' };
  t.match(
    await identity(bearer(staff)),
    { 'x-identity-kind': 'user', 'x-identity-subject': 'user-1' },
    'who may is who they are',
  );
  t.strictSame(await identity({}), nobody, 'no credential');
  t.strictSame(await identity(bearer({ ...staff, sub: 'other' })), nobody, 'a rule');
  t.strictSame(
    await identity(bearer(staff, { kid: 'x' })),
    nobody,
    'an unverified token is nobody, whoever it names',
  );
  t.strictSame(await identity(bearer({ ...staff, exp: 1 })), nobody);
  t.strictSame(await identity({ authorization: 'Bearer junk', 'x-identity-subject': 'root' }), nobody);
  t.strictSame(
    await identity(
      bearer({
        ...staff,
        roles: ['staff', ...Array.from({ length: 220 }, (_, n) => `r-äääääää-${n}`)],
      }),
    ),
    nobody,
    'too large an identity',
  );
  feed.revoke({ kind: 'session', iss: issuer, sid: 'gone', exp: Math.floor(Date.now() / 1000) + 1000 });
  t.strictSame(await identity(bearer({ ...staff, sid: 'gone' })), nobody, 'revoked');
  t.equal(await identity({}, '/strict'), 401, 'other routes refuse');
  t.notOk(seen.some(({ headers }) => headers.some(([name]) => name === 'authorization')));

  const codes = logs.flatMap((line) => /"reportOnly":\{"code":"(\w+)"/.exec(line)?.[1] ?? []);
  t.same(codes, [
    'credentials_missing',
    'access_denied',
    'token_kid',
    'token_expired',
    'token_malformed',
    'identity_too_large',
    'token_revoked',
  ]);
  t.match(
    await metrics(),
    /gatehouse_denials_total\{route="GET \/trial\/:id",code="access_denied",reason="route.claims.sub",report_only="true"\} 1/,
  );
});
