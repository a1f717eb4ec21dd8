import { createPublicKey, type JsonWebKeyInput } from 'node:crypto';
import { compactVerify, createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import t, { type Test } from 'tap';
import { ASSERTION_ISSUER, ASSERTION_TYPE, type AssertionClaims } from '../../contracts/identity-headers.js';
import { spiffeId } from '../../contracts/spiffe.js';
import { createAssertionSigner } from '../../gateway/adapters/assertion-signer.js';
import { type Attempt, refuseAll, send } from '../fixtures/attacks.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { startTestGateway, type TestGateway } from '../fixtures/test-gateway.js';

/** Names of the house's own choosing are as reserved as the standard ones, and an assertion is what nobody can forge. */

const routes = [
  { path: '/public/*', methods: ['GET'], auth: 'public', upstream: 'other' },
  {
    path: '/api/*',
    methods: ['GET'],
    auth: 'caller',
    upstream: 'app',
    identity_headers: { 'X-Tenant': 'org.tenant' },
  },
  { path: '/plain/*', methods: ['GET'], auth: 'caller', upstream: 'other' },
];

function start(t: Test, config: object = {}): Promise<TestGateway> {
  return startTestGateway(t, {
    routes,
    upstreams: (appOrigin) => ({
      app: {
        url: appOrigin,
        spiffe_id: spiffeId('app'),
        assertion: true,
        identity_headers: {
          'X-User-Id': 'sub',
          'X-User-Roles': 'roles',
          'X-Vip': 'vip',
          'X-Groups': ['https://a.test/groups'],
        },
      },
      other: { url: appOrigin, spiffe_id: spiffeId('app') },
    }),
    config,
  });
}

const valuesOf = ({ seen }: TestGateway, name: string): string[] =>
  (seen.at(-1)?.headers ?? []).filter(([header]) => header === name).map(([, value]) => value);

t.test('custom names carry claims, encoded like the rest, or are not there', async (t) => {
  const gateway = await start(t);
  const { url, token } = gateway;
  const claims = {
    sub: 'Zoë 1',
    roles: ['x admin', 'b'],
    vip: true,
    org: { tenant: 'acme' },
    'https://a.test/groups': ['g 1', 'g2'],
  };
  await send(url, { headers: [`Authorization: Bearer ${token(claims)}`] });
  t.same(valuesOf(gateway, 'x-user-id'), ['Zo%C3%AB%201']);
  t.same(valuesOf(gateway, 'x-user-roles'), ['x%20admin b']);
  t.same(valuesOf(gateway, 'x-vip'), ['true']);
  t.same(valuesOf(gateway, 'x-tenant'), ['acme'], 'the route\u2019s own beside the upstream\u2019s');
  t.same(valuesOf(gateway, 'x-groups'), ['g%201 g2']);
  await send(url, {
    headers: [`Authorization: Bearer ${token({ org: { tenant: { x: 1 } }, vip: 'a\r\nX-User-Id: root' })}`],
  });
  t.same(valuesOf(gateway, 'x-tenant'), [], 'an object is no value');
  t.same(valuesOf(gateway, 'x-user-id'), ['user-1'], 'a claim cannot start a new line');
  t.same(valuesOf(gateway, 'x-vip'), ['a%0D%0AX-User-Id:%20root']);
  await send(url, { target: '/plain/x', headers: [`Authorization: Bearer ${token(claims)}`] });
  t.same(valuesOf(gateway, 'x-user-id'), [], 'an upstream that did not ask gets none');
});

t.test('custom names of any route are dropped on every route; look-alikes are refused', async (t) => {
  const gateway = await start(t);
  const { url, token } = gateway;
  const bearer = `Authorization: Bearer ${token()}`;
  const forged = [
    'X-User-Id: root',
    'x-user-id: root',
    'X-TENANT: evil',
    'X-Vip: true',
    'X-Identity-Assertion: a.b.c',
  ];
  for (const target of ['/public/x', '/plain/x', '/api/x']) {
    t.equal((await send(url, { target, headers: [bearer, ...forged] })).status, 200);
    t.same(valuesOf(gateway, 'x-user-id'), target === '/api/x' ? ['user-1'] : [], target);
    t.same(
      [...valuesOf(gateway, 'x-tenant'), ...valuesOf(gateway, 'x-vip')],
      [],
      `${target}: a missing claim leaves nothing behind`,
    );
    t.notOk(valuesOf(gateway, 'x-identity-assertion').includes('a.b.c'));
  }
  for (const line of [
    'Connection: X-User-Id',
    'Connection: close, x-user-id, x-identity-assertion, x-identity-subject',
  ]) {
    await send(url, { headers: [bearer, line] });
    t.same(valuesOf(gateway, 'x-user-id'), ['user-1'], line);
    t.equal(valuesOf(gateway, 'x-identity-assertion').length, 1, line);
  }
  const refused = (name: string, target = '/public/x') => ({
    target,
    headers: [`${name}: root`],
    expect: [400, 'header_name'] as const,
  });
  await refuseAll(t, gateway, (): Attempt => ({ headers: [bearer] }), {
    underscores: refused('x_user_id'),
    dots: refused('x.user.id'),
    mixed: refused('X-User_Id'),
    'another route\u2019s': refused('X_Tenant', '/plain/x'),
    assertion: refused('x_identity_assertion'),
  });
});

t.test(
  'an assertion is verified with the published keys, names its upstream and is short-lived',
  async (t) => {
    const gateway = await start(t);
    const { url, token } = gateway;
    const reply = await fetch(`${url}/.well-known/gatehouse/jwks.json`);
    t.equal(reply.status, 200);
    t.match(reply.headers.get('content-type'), /^application\/jwk-set\+json/);
    const jwks = (await reply.json()) as JSONWebKeySet;
    t.notOk(
      jwks.keys.some((key) => 'd' in key),
      'public only',
    );

    const bearer = `Authorization: Bearer ${token({ roles: ['a'] })}`;
    await send(url, { headers: [bearer] });
    const [text = ''] = valuesOf(gateway, 'x-identity-assertion');
    const { payload } = await jwtVerify<AssertionClaims>(text, createLocalJWKSet(jwks), {
      issuer: ASSERTION_ISSUER,
      audience: 'app',
      typ: ASSERTION_TYPE,
      algorithms: ['ES256'],
    });
    t.equal(payload.exp - payload.iat, 60);
    t.match(payload, { sub: 'user-1', identity: { kind: 'user', subject: 'user-1', roles: ['a'] } });
    await send(url, { headers: [bearer] });
    t.same(valuesOf(gateway, 'x-identity-assertion'), [text], 'the same one for the same token');
    await send(url, { headers: [`Authorization: Bearer ${token()}`] });
    t.not(valuesOf(gateway, 'x-identity-assertion')[0], text, 'another token, another assertion');
    await send(url, { target: '/plain/x', headers: [bearer] });
    t.same(valuesOf(gateway, 'x-identity-assertion'), [], 'off unless the upstream asks');
    const large = token({ roles: Array.from({ length: 150 }, (_, n) => `role-${n}-${'x'.repeat(20)}`) });
    t.equal(
      (await send(url, { target: '/plain/x', headers: [`Authorization: Bearer ${large}`] })).status,
      200,
    );
    t.equal(
      (await send(url, { headers: [`Authorization: Bearer ${large}`] })).status,
      403,
      'counted into the 8 KiB',
    );
  },
);

t.test('what the gateway answers itself no route can take over', async (t) => {
  const everything = [{ path: '/*', methods: ['GET', 'POST'], auth: 'public', upstream: 'app' }];
  const { url, seen } = await startTestGateway(t, { routes: everything });
  const get = async (method: string, target: string): Promise<unknown> => {
    const { status, json } = await send(url, {
      method,
      target,
      headers: method === 'POST' ? ['Content-Length: 0'] : [],
    });
    return status === 200 ? 200 : [status, json()['code']];
  };
  t.equal(await get('GET', '/.well-known/gatehouse/jwks.json'), 200);
  t.equal(await get('GET', '/.well-known/gatehouse/jwks.json?x=1'), 200);
  t.equal(await get('GET', '/.well-known/%67atehouse/jwks.json'), 200, 'in any spelling');
  t.equal(
    (await send(url, { method: 'HEAD', target: '/.well-known/gatehouse/jwks.json', headers: [] })).body,
    '',
  );
  t.same(await get('POST', '/.well-known/gatehouse/jwks.json'), [405, 'method_not_allowed']);
  t.same(await get('GET', '/.well-known/gatehouse/other'), [404, 'route_not_found']);
  t.same(await get('GET', '/.well-known/gatehouse'), [404, 'route_not_found']);
  t.same(await get('GET', '/.well-known/gatehouse/../gatehouse/jwks.json'), [400, 'path_invalid']);
  t.equal(seen.length, 0);
  t.equal(await get('GET', '/.well-known/gatehouse-like'), 200);
  t.equal(seen.length, 1);
});

t.test(
  'gateways with one secret have the same keys; each key is published before and after its time',
  async (t) => {
    const clock = fakeClock();
    const secret = Buffer.from('a secret that is shared by all of the gateways');
    const options = { rotationMs: 3_600_000, clock };
    const [one, two] = [
      createAssertionSigner({ secret, ...options }),
      createAssertionSigner({ secret, ...options }),
    ];
    const stranger = createAssertionSigner({
      secret: Buffer.from('another secret, of the same kind and length'),
      ...options,
    });
    t.equal(one.publicKeys(), two.publicKeys());
    const keysNow = (): JSONWebKeySet => JSON.parse(two.publicKeys()) as JSONWebKeySet;
    const held = keysNow();
    t.notOk(held.keys.some(({ kid }) => stranger.publicKeys().includes(kid ?? '-')));
    t.doesNotThrow(() => held.keys.map((key) => createPublicKey({ key, format: 'jwk' } as JsonWebKeyInput)));

    const identity = { kind: 'user' as const, subject: 'u', scopes: [], roles: [] };
    const before = one.assert(identity, 'app');
    t.equal(one.assert(identity, 'app'), before);
    await clock.advance(29_999);
    t.equal(one.assert(identity, 'app'), before);
    await clock.advance(1);
    const after = one.assert(identity, 'app');
    t.not(after, before, 'renewed after 30 s');
    t.not(one.assert(identity, 'orders'), after, 'one for each upstream');

    await clock.advance(3_600_000);
    const rotated = one.assert(identity, 'app');
    t.not(decodeProtectedHeader(rotated).kid, decodeProtectedHeader(after).kid);
    await t.resolves(
      compactVerify(rotated, createLocalJWKSet(held)),
      'a verifier that fetched before the rotation',
    );
    await t.resolves(compactVerify(after, createLocalJWKSet(keysNow())), 'and one that fetches after it');
    await clock.advance(2 * 3_600_000);
    await t.rejects(compactVerify(after, createLocalJWKSet(keysNow())), 'long after, the key is gone');
    const soon = Math.floor(clock.now() / 1000) + 10;
    const [, payload = ''] = one.assert({ ...identity, expires: soon }, 'app').split('.');
    t.equal(
      (JSON.parse(Buffer.from(payload, 'base64url').toString()) as AssertionClaims).exp,
      soon,
      'never past the token',
    );
  },
);
