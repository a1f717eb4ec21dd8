import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, type JWK } from 'jose';
import t, { type Test } from 'tap';
import type { FetchJwks } from '../../../gateway/adapters/fetch-jwks.js';
import { JwksCache, type JwksCacheOptions } from '../../../gateway/adapters/jwks-cache.js';
import { parseJwks } from '../../../gateway/adapters/parse-jwks.js';
import { createLogger } from '../../../kit/logger.js';
import { fakeClock } from '../../fixtures/fake-clock.js';
import { testKey } from '../../fixtures/test-issuer.js';

const NAMED = { name: 'x', issuer: 'https://x.test', source: 'https://x.test/jwks' };
const HOUR_MS = 3_600_000;

type Answer = { keys: unknown[]; maxAgeMs?: number } | Error | { body: unknown };

function setUp(t: Test, first: Answer, options: Partial<JwksCacheOptions> = {}) {
  const clock = fakeClock();
  let answer = first;
  let fetches = 0;
  const fetch: FetchJwks = async () => {
    fetches += 1;
    // Parsing a key takes turns of the event loop, as a real answer does.
    await new Promise((resolve) => setImmediate(resolve));
    if (answer instanceof Error) throw answer;
    return 'body' in answer
      ? { body: answer.body, maxAgeMs: undefined }
      : { body: { keys: answer.keys }, maxAgeMs: answer.maxAgeMs };
  };
  const logger = createLogger('test', { level: 'silent' });
  const cache = new JwksCache({
    ...NAMED,
    algorithms: ['ES256'],
    fetch,
    clock,
    logger,
    random: () => 0,
    ...options,
  });
  t.teardown(() => cache.stop());
  return {
    cache,
    clock,
    fetches: () => fetches,
    say: (next: Answer) => {
      answer = next;
    },
    /** Moves time on and lets the background fetch finish: preparing a key waits for more than promises. */
    async advance(ms: number) {
      await clock.advance(ms);
      const before = fetches;
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
      return fetches - before;
    },
  };
}

t.test('keys are fetched in the background at 80 % of their life, between 1 and 60 minutes', async (t) => {
  const [a, b] = [await testKey(), await testKey()];
  const { cache, advance, fetches, say } = setUp(t, { keys: [a.jwk], maxAgeMs: 10 * 60_000 });
  await cache.start();
  t.ok(cache.find(a.kid));
  t.equal(cache.find(undefined)?.kid, a.kid, 'the only key needs no name');
  await advance(7 * 60_000);
  t.equal(fetches(), 1);
  say({ keys: [b.jwk], maxAgeMs: 1 });
  await advance(60_000);
  t.equal(fetches(), 2);
  t.notOk(cache.find(a.kid), 'a key absent from a good answer is gone at once');
  t.ok(cache.find(b.kid));
  await advance(47_000);
  t.equal(fetches(), 2, 'not before a minute');
  await advance(2_000);
  t.equal(fetches(), 3);
});

t.test('good keys are never replaced by a bad answer, and serve for a day', async (t) => {
  const key = await testKey();
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateJwk = await exportJWK(pair.privateKey);
  const offCurve: JWK = { ...key.jwk, kid: 'off', x: key.jwk.y as string };
  const bad: Answer[] = [
    new Error('no answer'),
    { keys: [] },
    { body: '<html>' },
    { body: null },
    { body: { keys: 'x' } },
    { keys: [{ kty: 'oct', k: 'AAAA', kid: key.kid }] },
    { keys: [privateJwk] },
    { keys: [{ ...key.jwk, use: 'enc' }] },
    { keys: [{ ...key.jwk, alg: 'RS256' }] },
    { keys: [offCurve] },
    { keys: Array.from({ length: 33 }, () => key.jwk) },
  ];
  const { cache, advance, fetches, say } = setUp(t, { keys: [key.jwk] });
  await cache.start();
  for (const answer of bad) {
    say(answer);
    const before = fetches();
    await advance(5 * 60_000);
    t.ok(fetches() > before);
    t.ok(cache.find(key.kid), JSON.stringify(answer).slice(0, 60));
  }
  t.ok(cache.available);
  for (let hour = 0; hour < 25; hour++) await advance(HOUR_MS);
  t.notOk(cache.available, 'after a day without a good answer nothing can be verified');
  say({ keys: [key.jwk] });
  await advance(60_000);
  t.ok(cache.available);
});

t.test('a first fetch that fails is tried again from one second up', async (t) => {
  const key = await testKey();
  const { cache, advance, fetches, say } = setUp(t, new Error('not up yet'));
  await cache.start();
  t.notOk(cache.available);
  await advance(1000);
  t.equal(fetches(), 2);
  say({ keys: [key.jwk] });
  await advance(2000);
  t.ok(cache.available);
});

t.test('unknown key ids cost one fetch in a cooldown, however many come', async (t) => {
  const [a, b] = [await testKey(), await testKey()];
  const { cache, fetches, say, advance } = setUp(t, { keys: [a.jwk] });
  await cache.start();
  say({ keys: [a.jwk, b.jwk] });
  const found = await Promise.all(Array.from({ length: 1000 }, () => cache.fetchMissing(b.kid)));
  t.equal(fetches(), 2, 'one fetch for a thousand misses');
  t.ok(found.every((key) => key === cache.find(b.kid)));
  for (let i = 0; i < 100; i++) t.equal(await cache.fetchMissing(`random-${i}`), 'absent');
  t.equal(fetches(), 2, 'none within the cooldown');
  await advance(30_001);
  await cache.fetchMissing('random');
  t.equal(fetches(), 3);
});

t.test('a request waits two seconds for a key, not longer', async (t) => {
  const key = await testKey();
  let calls = 0;
  const clock = fakeClock();
  const cache = new JwksCache({
    ...NAMED,
    algorithms: ['ES256'],
    clock,
    logger: createLogger('test', { level: 'silent' }),
    fetch: (signal) =>
      calls++ === 0
        ? Promise.resolve({ body: { keys: [key.jwk] }, maxAgeMs: undefined })
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up')))),
  });
  t.teardown(() => cache.stop());
  await cache.start();
  const waiting = cache.fetchMissing('unknown');
  await clock.advance(2000);
  t.equal(await waiting, 'unanswered', 'which is not to say that there is none');
  await clock.advance(3000);
  t.equal(await cache.fetchMissing('another'), 'unanswered', 'the last fetch failed, so nobody can say');
  t.ok(cache.find(key.kid), 'the known key is not touched');
});

t.test(
  'a key that the revocation feed names goes at once, and its successor is fetched at once',
  async (t) => {
    const [a, b] = [await testKey(), await testKey()];
    const { cache, fetches, say, advance } = setUp(t, { keys: [a.jwk] });
    await cache.start();
    await cache.fetchMissing('uses-up-the-cooldown');
    say({ keys: [a.jwk, b.jwk] });
    cache.revoke(a.kid, 4e9);
    t.equal(cache.find(a.kid), undefined);
    t.ok(cache.isRevoked(a.kid));
    await advance(0);
    t.equal(fetches(), 3, 'in spite of the cooldown');
    t.equal(cache.find(a.kid), undefined, 'though the issuer still publishes it');
    t.equal(cache.find(undefined)?.kid, b.kid, 'the other one is the only one');
    cache.revoke(a.kid, 4e9);
    await advance(0);
    t.equal(fetches(), 3, 'the same entry again, as after each reconnect, fetches nothing');
  },
);

t.test('a set of which every key is revoked is a bad answer, and is asked for again soon', async (t) => {
  const [a, b] = [await testKey(), await testKey()];
  const { cache, fetches, say, advance } = setUp(t, { keys: [a.jwk] });
  await cache.start();
  cache.revoke(a.kid, 4e9);
  await advance(0);
  t.notOk(cache.available);
  t.match(cache.status(), { failures: 1, last_failure: /revoked/ });
  say({ keys: [b.jwk] });
  await advance(1000);
  t.equal(fetches(), 3);
  t.ok(cache.find(b.kid));
  t.ok(cache.available);
});

t.test('a key stays the same object over refreshes, until its material changes', async (t) => {
  const [a, b] = [await testKey(), await testKey()];
  const { cache, say, advance, fetches } = setUp(t, { keys: [a.jwk] });
  await cache.start();
  const first = cache.find(a.kid);
  await advance(5 * 60_000);
  t.equal(fetches(), 2);
  t.equal(cache.find(a.kid), first, 'so that what it has verified stays verified');
  say({ keys: [{ ...b.jwk, kid: a.kid }] });
  await advance(5 * 60_000);
  t.ok(cache.find(a.kid));
  t.not(cache.find(a.kid), first, 'another key under the same id is another key');
});

t.test('two keys of one id: the first stays, with an alarm', async (t) => {
  const [a, b] = [await testKey(), await testKey()];
  const { cache } = setUp(t, { keys: [a.jwk, { ...b.jwk, kid: a.kid }, { ...a.jwk, use: 'enc', kid: 'e' }] });
  await cache.start();
  t.strictSame(cache.status().keys, [{ kid: a.kid, alg: 'ES256' }]);
  t.strictSame(cache.status().ignored, [
    { kid: a.kid, reason: 'another key has its id' },
    { kid: 'e', reason: 'it is not for signatures' },
  ]);
});

t.test('an RSA key without an algorithm gets the first that the config names, and no other', async (t) => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'r' }];
  for (const [algorithms, expected] of [
    [['ES256', 'PS256', 'RS256'], 'PS256'],
    [['RS256', 'PS256'], 'RS256'],
  ] as const) {
    const { cache } = setUp(t, { keys }, { algorithms });
    await cache.start();
    t.equal(cache.find('r')?.alg, expected);
  }
});

t.test('RSA keys that are weak, or would take too long, are not used', async (t) => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const good = await exportJWK(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);
  const huge = { ...good, n: Buffer.alloc(2048, 0xff).toString('base64url') };
  const one = { ...good, e: Buffer.from([1]).toString('base64url') };
  for (const jwk of [await exportJWK(small), huge, one]) {
    const { cache } = setUp(t, { keys: [{ ...jwk, kid: 'r' }] }, { algorithms: ['RS256'] });
    await cache.start();
    t.equal(cache.find('r'), undefined, cache.status().last_failure ?? 'was taken');
  }
});

t.test('a set without a usable key is no set, and says why', (t) => {
  t.throws(() => parseJwks({ keys: [] }, ['ES256']), { message: 'it has no usable key' });
  const symmetric = { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'x' }] };
  t.throws(() => parseJwks(symmetric, ['ES256']), { message: 'it has no usable key: it is a symmetric key' });
  t.end();
});
