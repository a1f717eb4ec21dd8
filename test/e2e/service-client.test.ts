/** The SDK's client for services against a real auth service behind a real gateway. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import t from 'tap';
import { createServiceClient, type ServiceClientOptions } from '../../client/index.js';
import { startGatewayAndAuth } from '../fixtures/gateway-and-auth.js';
import { makeClient } from '../fixtures/oauth-client.js';
import { needsPostgres } from '../fixtures/postgres.js';

type Key = Extract<ServiceClientOptions['key'], { kty: string }>;
const jwk = (key: KeyObject): Key => key.export({ format: 'jwk' }) as Key;

t.test('a service with a key', needsPostgres, async (t) => {
  const { url, auth } = await startGatewayAndAuth(t, {
    change: ({ auth: profiles, listen, ...value }) => ({
      ...value,
      listen: { ...listen, public_url: value.issuers['gatehouse']?.issuer ?? [] },
      auth: { ...profiles, caller: { issuers: ['gatehouse'], credentials: ['bearer', 'dpop'] } },
    }),
  });
  const now = () => auth.clock.now();
  /** No upstream runs here: an accepted token comes to 502. */
  const profile = async (client: ReturnType<typeof createServiceClient>) =>
    (await client.fetch('/api/profile')).status;

  for (const [name, pair] of Object.entries({
    'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    Ed25519: generateKeyPairSync('ed25519'),
    RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  })) {
    await t.test(`of the kind ${name}`, async (t) => {
      const clientId = `with-${name.toLowerCase()}`;
      await makeClient(auth, {
        client_id: clientId,
        auth_method: 'private_key_jwt',
        jwk: jwk(pair.publicKey),
        scopes: ['orders:read', 'profile:read'],
      });
      const options = { issuer: url, clientId, key: jwk(pair.privateKey), scopes: ['profile:read'], now };
      t.equal(await profile(createServiceClient(options)), 502);
      t.equal(await profile(createServiceClient({ ...options, dpop: true })), 502);
      const other = jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
      await t.rejects(createServiceClient({ ...options, key: other }).getToken(), { code: 'invalid_client' });
    });
  }

  t.test('a token that was revoked is replaced, once', async (t) => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await makeClient(auth, {
      client_id: 'replaced',
      auth_method: 'private_key_jwt',
      jwk: jwk(pair.publicKey),
      scopes: ['orders:read'],
    });
    for (const dpop of [false, true]) {
      const client = createServiceClient({
        issuer: url,
        clientId: 'replaced',
        key: jwk(pair.privateKey),
        dpop,
        now,
      });
      const token = await client.getToken();
      const { jti = '' } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
        jti?: string;
      };
      t.equal((await auth.admin('POST', '/revocations', { kind: 'token', jti })).status, 200);
      t.equal(await profile(client), 502);
      t.not(await client.getToken(), token);
    }
  });
});
