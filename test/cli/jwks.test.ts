import t from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import { runCli } from '../fixtures/cli.js';
import { skippingClock, startKeyServer } from '../fixtures/key-server.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { goodClaims, signToken, testKey } from '../fixtures/test-issuer.js';

t.test('gatehouse jwks shows the keys that a gateway holds, and what is wrong with them', async (t) => {
  const [key, server, clock] = [await testKey(), await startKeyServer(t), skippingClock()];
  server.answer([key.jwk, { ...(await testKey()).jwk, kid: 'for-encryption', use: 'enc' }]);
  const { gateway, feed } = await startTestGateway(t, {
    deps: { clock },
    config: {
      issuers: {
        id: {
          issuer: 'https://id.test',
          audience: 'urn:gatehouse:api',
          jwks_uri: `${server.origin}/jwks`,
          ca: server.ca,
        },
      },
      revocation: { feed_url: 'https://127.0.0.1:1', feed_spiffe_id: spiffeId('x'), max_staleness: '1d' },
      auth: { caller: { issuers: ['id'] } },
    },
  });
  feed.revoke({ kind: 'key', iss: 'https://id.test', kid: 'gone\u001b[2J', exp: Date.now() });
  await server.stop();
  clock.skip(120_000);
  const unknown = signToken(await testKey(), goodClaims('https://id.test', Date.now()));
  await fetch(`${gateway.url}/api/x`, { headers: { authorization: `Bearer ${unknown}` } });

  const { code, stdout } = await runCli(['jwks', '--admin', gateway.adminUrl], {});
  t.equal(code, 0);
  for (const text of [
    'id  https://id.test',
    `from    ${server.origin}/jwks`,
    /state {3}good; 2 min old, good for 24 h; (fetched again in \d+ s|being fetched)/,
    /failed {2}\d times since, last: /,
    new RegExp(`${key.kid} +ES256 +in force`),
    /for-encryption +- +not used: it is not for signatures/,
    /gone\\u001b\[2J +- +revoked/,
  ]) {
    t.match(stdout, text);
  }
  const json = await runCli(['jwks', '--json'], { ADMIN_PORT: new URL(gateway.adminUrl).port });
  t.match(JSON.parse(json.stdout), { issuers: [{ name: 'id', keys: [{ kid: key.kid, alg: 'ES256' }] }] });

  const nobody = await runCli(['jwks', '--admin', 'http://127.0.0.1:1'], {});
  t.strictSame([nobody.code, nobody.stderr.split('\n').length], [1, 2]);
  t.match(nobody.stderr, /^gatehouse: the gateway's admin listener at http:\/\/127.0.0.1:1 does not answer/);
  const wrong = await runCli(['jwks', '--admin', 'ftp://x'], {});
  t.match([wrong.code, wrong.stderr], [1, /is not an http:\/\/ or https:\/\/ URL/]);
});
