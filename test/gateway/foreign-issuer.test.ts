import { decodeJwt, decodeProtectedHeader } from 'jose';
import t from 'tap';
import { createOidcProvider, OIDC_AUDIENCE, oidcSigningKey } from '../fixtures/oidc-provider.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const CLAIMS = {
  realm_access: { roles: ['ops', 'x admin'] },
  'https://example.com/tenant': 'tenant-7',
  azp: 'web-app',
};

for (const alg of ['ES256', 'RS256'] as const) {
  t.test(`an identity provider that others wrote (${alg}): mapped, stopped, rotated`, async (t) => {
    const provider = await createOidcProvider(t, CLAIMS);
    const [oldKey, newKey] = [await oidcSigningKey(alg), await oidcSigningKey(alg)];
    await provider.start([oldKey]);
    const { url, seen } = await startTestGateway(t, {
      routes: [
        {
          path: '/reports',
          methods: ['GET'],
          auth: { profile: 'caller', scopes: ['reports:read'] },
          upstream: 'app',
        },
        { path: '/ops', methods: ['GET'], auth: { profile: 'caller', roles: ['x admin'] }, upstream: 'app' },
      ],
      config: {
        issuers: {
          provider: {
            issuer: provider.issuer,
            audience: OIDC_AUDIENCE,
            discovery: true,
            insecure_http: true,
            algorithms: [alg],
            claims: {
              roles: 'realm_access.roles',
              client: 'azp',
              session: ['https://example.com/tenant'],
            },
          },
        },
        auth: { caller: { issuers: ['provider'] } },
      },
    });
    const call = async (token: string, path = '/reports') => {
      const reply = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
      const { code } = (await reply.json()) as { code?: string };
      return code ?? reply.status;
    };

    const token = await provider.accessToken('reports:read');
    t.match(decodeProtectedHeader(token), { alg, typ: 'at+jwt', kid: oldKey.kid });
    t.equal(await call(token), 200);
    const { sub, jti, exp } = decodeJwt(token);
    const headers = Object.fromEntries(seen[0]?.headers ?? []);
    t.match(headers, {
      'x-identity-subject': sub,
      'x-identity-issuer': encodeURI(provider.issuer),
      'x-identity-client': 'web-app',
      'x-identity-session': 'tenant-7',
      'x-identity-token': jti,
      'x-identity-scopes': 'reports:read',
      'x-identity-roles': 'ops x%20admin',
      'x-identity-expires': String(exp),
    });
    t.equal(await call(token, '/ops'), 200, 'a mapped role opens a route');
    t.equal(await call(await provider.accessToken('reports:write')), 'insufficient_scope');

    const unused = await provider.accessToken('reports:read');
    await provider.stop();
    t.equal(await call(token), 200, 'it is stopped: a token that was seen goes on passing');
    t.equal(await call(unused), 200, 'and so does one that was not');

    await provider.start([newKey, oldKey]);
    const fresh = await provider.accessToken('reports:read');
    t.equal(decodeProtectedHeader(fresh).kid, newKey.kid);
    t.equal(await call(fresh), 200, 'rotated: the new key is found when it is met');
    for (const old of [token, unused]) t.equal(await call(old), 200, 'and the old one is still good');
  });
}
