import { generateKeyPairSync } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import t from 'tap';
import type { AdminClientCreated } from '../../contracts/admin-machines.js';
import { startGatewayAndAuth } from '../fixtures/gateway-and-auth.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { needsPythonJwt, runPython } from '../fixtures/python.js';

const AUDIENCE = 'urn:gatehouse:api';
/** The gateway of this test speaks plain HTTP on loopback; nothing else of the libraries is changed. */
const insecure = { [oauth.allowInsecureRequests]: true } as const;

/** Verifies a token with what PyJWT itself fetches from the key set, and prints its claims. */
const PYTHON_VERIFY = `
import json, sys, jwt
given = json.load(sys.stdin)
key = jwt.PyJWKClient(given["jwks_uri"]).get_signing_key_from_jwt(given["token"])
claims = jwt.decode(given["token"], key.key, algorithms=["ES256"], audience=given["audience"], issuer=given["issuer"],
  options={"require": ["exp", "iat", "iss", "sub", "aud", "jti"]})
print(json.dumps(claims))
`;

t.test('what others wrote for OAuth works against it, through a gateway', needsPostgres, async (t) => {
  const { url, auth } = await startGatewayAndAuth(t);
  const issuer = new URL(url);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    privateKey.export({ type: 'pkcs8', format: 'der' }),
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  );
  const made = async (body: object): Promise<AdminClientCreated> =>
    (await auth.admin('POST', '/clients', body)).json<AdminClientCreated>();
  const scopes = ['orders:read', 'profile:read'];
  const { client_secret: secret = '' } = await made({ client_id: 'orders', scopes });
  const jwk = publicKey.export({ format: 'jwk' });
  await made({ client_id: 'billing', auth_method: 'private_key_jwt', scopes, jwk });
  const app = await made({ client_id: 'web-app', grants: ['refresh_token'], scopes: ['orders:read'] });

  t.test('oauth4webapi', async (t) => {
    for (const algorithm of ['oauth2', 'oidc'] as const) {
      const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
      t.equal(
        (await oauth.processDiscoveryResponse(issuer, response)).issuer,
        url,
        `discovery as ${algorithm}`,
      );
    }
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));

    const ways: [string, oauth.Client, oauth.ClientAuth][] = [
      ['client_secret_basic', { client_id: 'orders' }, oauth.ClientSecretBasic(secret)],
      ['client_secret_post', { client_id: 'orders' }, oauth.ClientSecretPost(secret)],
      ['private_key_jwt', { client_id: 'billing' }, oauth.PrivateKeyJwt(signingKey)],
    ];
    for (const [name, caller, authentication] of ways) {
      const granted = await oauth.processClientCredentialsResponse(
        as,
        caller,
        await oauth.clientCredentialsGrantRequest(
          as,
          caller,
          authentication,
          { scope: 'orders:read' },
          insecure,
        ),
      );
      t.equal(granted.scope, 'orders:read', `client_credentials by ${name}`);

      const request = new Request(`${url}/api/orders`, {
        headers: { authorization: `Bearer ${granted.access_token}` },
      });
      const claims = await oauth.validateJwtAccessToken(as, request, AUDIENCE, insecure);
      t.match(claims, { sub: `svc:${caller.client_id}`, client_id: caller.client_id, scope: 'orders:read' });

      const introspect = async () =>
        oauth.processIntrospectionResponse(
          as,
          caller,
          await oauth.introspectionRequest(as, caller, authentication, granted.access_token, insecure),
        );
      t.match(await introspect(), { active: true, sub: claims.sub, iss: url, aud: AUDIENCE });
      const revoked = await oauth.revocationRequest(
        as,
        caller,
        authentication,
        granted.access_token,
        insecure,
      );
      await oauth.processRevocationResponse(revoked);
      t.strictSame(await introspect(), { active: false }, 'revoked and introspected');
      t.match(await (await fetch(request)).json(), { code: 'token_revoked' }, 'the gateway knows at once');
    }
  });

  t.test(
    'oauth4webapi: a person\u2019s session, refreshed and revoked by the first-party client',
    async (t) => {
      const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
      const caller = { client_id: 'gatehouse-first-party' };
      const refresh = async (token: string) =>
        oauth.processRefreshTokenResponse(
          as,
          caller,
          await oauth.refreshTokenGrantRequest(as, caller, oauth.None(), token, insecure),
        );
      const { refresh_token: first } = await auth.login();
      const { refresh_token: second = '', scope } = await refresh(first);
      t.equal(scope, 'orders:read profile:read');
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(as, caller, oauth.None(), second, insecure),
      );
      const refusal = await refresh(second).catch((error: unknown) => error);
      t.match(refusal, { error: 'invalid_grant', status: 400 });
    },
  );

  t.test('oauth4webapi: DPoP', async (t) => {
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
    const caller: oauth.Client = { client_id: 'orders' };
    const keyPair = await oauth.generateKeyPair('ES256');
    const options = { DPoP: oauth.DPoP(caller, keyPair), ...insecure };
    const response = await oauth.clientCredentialsGrantRequest(
      as,
      caller,
      oauth.ClientSecretBasic(secret),
      {},
      options,
    );
    const granted = await oauth.processClientCredentialsResponse(as, caller, response);
    t.equal(granted.token_type, 'dpop');
  });

  t.test('openid-client', async (t) => {
    const options = { execute: [client.allowInsecureRequests] };
    for (const [id, authentication] of [
      ['orders', client.ClientSecretBasic(secret)],
      ['billing', client.PrivateKeyJwt(signingKey)],
    ] as const) {
      const config = await client.discovery(issuer, id, {}, authentication, options);
      const { access_token: token, expires_in } = await client.clientCredentialsGrant(config);
      t.equal(expires_in, 900);
      t.match(await client.tokenIntrospection(config, token), { active: true, sub: `svc:${id}` });
      await client.tokenRevocation(config, token);
      t.match(await client.tokenIntrospection(config, token), { active: false });
    }
  });

  t.test(
    'openid-client: a server-side application logs people in and refreshes their sessions',
    async (t) => {
      const basic = Buffer.from(`web-app:${app.client_secret}`).toString('base64');
      const login = await fetch(`${url}/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Basic ${basic}` },
        body: JSON.stringify({ email: 'ann@example.test', password: 'correct horse battery staple' }),
      });
      const session = (await login.json()) as { refresh_token: string };
      const authentication = client.ClientSecretPost(app.client_secret);
      const options = { execute: [client.allowInsecureRequests] };
      const config = await client.discovery(issuer, 'web-app', {}, authentication, options);
      const refreshed = await client.refreshTokenGrant(config, session.refresh_token);
      t.equal(refreshed.scope, 'orders:read', 'of what the person may, what the application may');
      t.type(refreshed.refresh_token, 'string');
    },
  );

  const issued = async () => {
    const response = await auth.post('/oauth/token', 'grant_type=client_credentials', {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`orders:${secret}`).toString('base64')}`,
    });
    return response.json<{ access_token: string }>().access_token;
  };

  t.test('jose verifies its tokens from its key set', async (t) => {
    const jwks = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(await issued(), jwks, {
      issuer: url,
      audience: AUDIENCE,
      typ: 'at+jwt',
    });
    t.equal(payload.sub, 'svc:orders');
  });

  t.test('python3-jwt verifies its tokens from its key set', needsPythonJwt, async (t) => {
    const given = {
      token: await issued(),
      jwks_uri: `${url}/.well-known/jwks.json`,
      issuer: url,
      audience: AUDIENCE,
    };
    t.match(JSON.parse(await runPython(PYTHON_VERIFY, JSON.stringify(given))), {
      sub: 'svc:orders',
      iss: url,
    });
  });
});
