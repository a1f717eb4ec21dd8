import { writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { KeySetReport } from '../../contracts/admin-api.js';
import { spiffeId } from '../../contracts/spiffe.js';
import { ConfigError } from '../../kit/config-file.js';
import { type KeyServer, skippingClock, startKeyServer } from '../fixtures/key-server.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { startTestGateway, type TestGatewayOptions } from '../fixtures/test-gateway.js';
import { goodClaims, signToken, type TestKey, testKey } from '../fixtures/test-issuer.js';

const issuerUrl = (name: string): string => `https://${name}.test`;

/** A gateway with these issuers, each under the name that it has in the config. */
async function setUp(t: Test, issuers: Record<string, object>, options: TestGatewayOptions = {}) {
  const clock = skippingClock();
  const full = Object.entries(issuers).map(([name, issuer]) => [
    name,
    { issuer: issuerUrl(name), audience: 'urn:gatehouse:api', ...issuer },
  ]);
  const gateway = await startTestGateway(t, {
    ...options,
    deps: { clock },
    config: {
      issuers: Object.fromEntries(full) as object,
      revocation: { feed_url: 'https://127.0.0.1:1', feed_spiffe_id: spiffeId('x'), max_staleness: '1d' },
      auth: { caller: { issuers: Object.keys(issuers) } },
      ...options.config,
    },
  });
  const call = async (name: string, signer: TestKey, header: object = {}) => {
    const text = signToken(signer, goodClaims(issuerUrl(name), Date.now()), { ...header });
    const reply = await fetch(`${gateway.url}/api/x`, { headers: { authorization: `Bearer ${text}` } });
    const { code } = (await reply.json()) as { code?: string };
    return code === undefined ? reply.status : `${reply.status} ${code}`;
  };
  const admin = (path: string) => fetch(gateway.gateway.adminUrl + path);
  return { ...gateway, clock, call, admin };
}

const remote = ({ origin, ca }: KeyServer) => ({ jwks_uri: `${origin}/jwks`, ca });

t.test('an issuer is believed by its own keys only, and an outage of one is nobody else’s', async (t) => {
  const [a, b, servedA, servedB] = [
    await testKey(),
    await testKey(),
    await startKeyServer(t),
    await startKeyServer(t),
  ];
  servedA.answer([a.jwk]);
  servedB.answer([b.jwk]);
  const { call, clock, seen } = await setUp(t, { a: remote(servedA), b: remote(servedB) });
  t.equal(await call('a', a), 200);
  t.equal(await call('b', b), 200);
  t.equal(await call('a', b), '401 token_kid', 'the token of A signed with a key of B');
  t.equal(await call('a', { ...b, kid: a.kid }), '401 token_signature', 'and under the name of a key of A');
  t.equal(await call('c', a), '401 token_claims', 'an issuer that nobody knows');
  t.equal(seen.length, 2);

  await servedB.stop();
  clock.skip(30_001);
  const fresh = await testKey();
  servedA.answer([a.jwk, fresh.jwk]);
  t.equal(await call('b', fresh), '503 keys_unavailable', 'B cannot say whose key that is');
  t.equal(await call('b', b), 200, 'but its tokens go on passing');
  t.equal(await call('a', fresh), 200, 'and A rotates its keys as ever');
});

t.test('keys from a file, which may change, and keys in the config', async (t) => {
  const [inFile, inConfig, later] = [await testKey(), await testKey(), await testKey()];
  const file = join(temporaryFolder(t), 'keys.json');
  writeFileSync(file, JSON.stringify({ keys: [inFile.jwk] }));
  const { call, clock } = await setUp(t, {
    file: { jwks_file: file },
    inline: { jwks: { keys: [inConfig.jwk] } },
  });
  t.equal(await call('inline', inConfig), 200);
  t.equal(await call('inline', later), '401 token_kid');
  writeFileSync(file, JSON.stringify({ keys: [later.jwk] }));
  clock.skip(30_001);
  t.equal(await call('file', later), 200);
  t.equal(await call('file', inFile), '401 token_kid', 'what is no longer in the file is out');
});

t.test(
  'keys that stand in the config have to be good from the start, and the error says where',
  async (t) => {
    const { jwk } = await testKey();
    for (const [issuer, why] of [
      [{ jwks: { keys: [{ ...jwk, use: 'enc' }] } }, 'it is not for signatures'],
      [{ jwks_file: '/nowhere/keys.json' }, 'no such file'],
    ] as const) {
      const error = await setUp(t, { x: issuer }).catch((caught: unknown) => caught);
      if (!(error instanceof ConfigError)) throw error;
      t.match(error.message, why);
      t.match(error.message, /gateway\.yaml:\d+:\d+ config_issuer_keys/);
    }
  },
);

t.test('the metadata names the key set, if it is about this very issuer', async (t) => {
  const [key, server] = [await testKey(), await startKeyServer(t)];
  let metadata: object = {};
  const answer: RequestListener = ({ url }, response) => {
    const found = url === '/.well-known/oauth-authorization-server' ? metadata : { keys: [key.jwk] };
    response.end(JSON.stringify(found));
  };
  server.answer(answer);
  const good = { issuer: issuerUrl('id'), jwks_uri: `${server.origin}/keys` };
  const wrong = [
    { ...good, issuer: 'https://evil.test' },
    { ...good, issuer: `${good.issuer}/` },
    { ...good, issuer: undefined },
    { ...good, jwks_uri: undefined },
    { ...good, jwks_uri: server.origin.replace('https', 'http') },
    { ...good, jwks_uri: 'http://169.254.169.254/keys' },
    { ...good, jwks_uri: 'file:///etc/keys' },
  ];
  metadata = wrong[0] ?? {};
  const discovery = `${server.origin}/.well-known/oauth-authorization-server`;
  const { call, clock } = await setUp(t, { id: { discovery, ca: server.ca } }, { waitUntilReady: false });
  for (const document of wrong) {
    metadata = document;
    clock.skip(30_001);
    t.equal(await call('id', key), '503 keys_unavailable', JSON.stringify(document));
  }
  metadata = good;
  clock.skip(30_001);
  t.equal(await call('id', key), 200);
});

t.test(
  'a gateway is ready without an issuer that has never answered, but not at once and not without all',
  async (t) => {
    const [key, server] = [await testKey(), await startKeyServer(t)];
    server.answer([key.jwk]);
    const dead = { jwks_uri: 'https://127.0.0.1:1/jwks' };
    const { gateway, clock, call } = await setUp(
      t,
      { good: remote(server), dead },
      { waitUntilReady: false },
    );
    while ((await call('good', key)) !== 200) await new Promise((again) => setTimeout(again, 20));
    t.equal(gateway.readiness().ready, false, 'it is given some time');
    clock.skip(10_001);
    t.match(gateway.readiness(), {
      ready: true,
      issuers: { good: { state: 'ready' }, dead: { state: 'no keys' } },
    });
    t.equal(await call('dead', key), '503 keys_unavailable');
    clock.skip(24 * 3_600_000);
    t.equal(gateway.readiness().ready, false, 'a day later nobody’s keys are good');
  },
);

t.test('a gateway that starts while its issuer is away uses the keys that it has kept', async (t) => {
  const [key, server] = [await testKey(), await startKeyServer(t)];
  server.answer([key.jwk]);
  const config = { keys_dir: join(temporaryFolder(t), 'kept') };
  const first = await setUp(t, { id: remote(server) }, { config });
  t.equal(await first.call('id', key), 200);
  await first.gateway.stop();
  await server.stop();
  const second = await setUp(t, { id: remote(server) }, { config });
  t.equal(await second.call('id', key), 200);
});

t.test('operators see what a gateway holds, and how fresh it is', async (t) => {
  const [key, server] = [await testKey(), await startKeyServer(t)];
  server.answer([key.jwk, { ...(await testKey()).jwk, use: 'enc' }]);
  const { admin, clock, call } = await setUp(t, { id: remote(server) });
  t.equal(await call('id', key), 200);
  await server.stop();
  clock.skip(60_000);
  t.equal(await call('id', await testKey()), '503 keys_unavailable');
  const reply = await admin('/jwks');
  const { issuers } = (await reply.json()) as KeySetReport;
  t.match(issuers, [
    {
      name: 'id',
      issuer: 'https://id.test',
      source: `${server.origin}/jwks`,
      available: true,
      keys: [{ kid: key.kid, alg: 'ES256' }],
      revoked: [],
      ignored: [{ reason: 'it is not for signatures' }],
      failures: 1,
    },
  ]);
  const [status] = issuers;
  t.ok((status?.age_ms ?? 0) >= 60_000);
  t.ok((status?.next_refresh_ms ?? 0) > 0);
  t.notMatch(JSON.stringify(issuers), key.jwk.x as string, 'no key material');
  const metrics = await (await admin('/metrics')).text();
  t.match(metrics, /^gatehouse_jwks_age_seconds\{issuer="id"\} 6\d/m);
  t.match(metrics, /^gatehouse_jwks_keys\{issuer="id"\} 1$/m);
  t.match(metrics, /^gatehouse_jwks_fetch_failures_total\{issuer="id"\} 1$/m);
  t.match(metrics, /^gatehouse_verified_tokens 1$/m);
});
