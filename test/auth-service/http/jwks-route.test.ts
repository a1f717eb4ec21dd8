import { randomBytes } from 'node:crypto';
import t from 'tap';
import { createServer } from '../../../auth-service/http/create-server.js';
import { addJwksRoute } from '../../../auth-service/http/jwks-route.js';
import type { KeyRing } from '../../../auth-service/keys/key-ring.js';
import { AUTH_SERVICE_SPIFFE_ID } from '../../../contracts/spiffe.js';
import { Live } from '../../../kit/live.js';
import { createLogger } from '../../../kit/logger.js';
import { testPki } from '../../fixtures/pki.js';

const ring = (...kids: string[]): KeyRing => ({
  active: { kid: 'a', algorithm: 'ES256', privateKeyPem: '', tokensExpireS: 0 },
  verifying: new Map(),
  published: kids.map((kid) => ({ kid })),
});

t.test('the key set says how long it may be kept', async (t) => {
  const { ca, leaf } = await testPki();
  const tls = { ca, ...(await leaf('auth-service', AUTH_SERVICE_SPIFFE_ID)) };
  const app = createServer({ tls, logger: createLogger('jwks', { level: 'silent' }), peers: [] });
  const keys = new Live(ring('a', 'b'));
  let ageMs = 0;
  addJwksRoute(app, { keys: { ring: keys, ageMs: () => ageMs }, maxAgeMs: 300_000 });
  t.teardown(() => app.close());
  const get = (ifNoneMatch?: string) =>
    app.inject({
      url: '/.well-known/jwks.json',
      headers: ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch },
    });
  const { headers, statusCode, body } = await get();
  const etag = String(headers.etag);
  t.strictSame(
    [statusCode, headers['cache-control'], body],
    [200, 'public, max-age=300', '{"keys":[{"kid":"a"},{"kid":"b"}]}'],
  );

  t.test('who has it already gets 304 and no body', async (t) => {
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const answer = await get(tag);
      t.strictSame([answer.statusCode, answer.body, answer.headers.etag], [304, '', etag], tag);
    }
    t.equal((await get(`"${randomBytes(8).toString('hex')}"`)).statusCode, 200);
  });

  t.test('an instance that has lost the database counts the time since then from it', async (t) => {
    const maxAge = async (age: number) => {
      ageMs = age;
      return (await get()).headers['cache-control'];
    };
    t.equal(await maxAge(2000), 'public, max-age=300', 'between two looks it has not lost it');
    t.equal(await maxAge(100_000), 'public, max-age=200');
    t.equal(await maxAge(300_000), 'public, max-age=0');
    t.equal(await maxAge(9_000_000), 'public, max-age=0', 'and goes on publishing');
    ageMs = 0;
  });

  t.test('other keys are another document', async (t) => {
    keys.swap(ring('b', 'c'));
    const answer = await get(etag);
    t.equal(answer.statusCode, 200);
    t.not(answer.headers.etag, etag);
  });
});
