import t from 'tap';
import type { JwksCacheOptions } from '../../../gateway/adapters/jwks-cache.js';
import type { MissingKeyAnswer } from '../../../gateway/cluster/messages.js';
import { type KeyPrimary, KeyRelay } from '../../../gateway/cluster/relayed-keys.js';
import type { Clock } from '../../../kit/clock.js';
import { createLogger } from '../../../kit/logger.js';
import { fakeClock } from '../../fixtures/fake-clock.js';
import { testKey } from '../../fixtures/test-issuer.js';

const HOUR_MS = 3_600_000;

async function relay(answer: (kid: string) => Promise<MissingKeyAnswer>) {
  const clock = fakeClock();
  const asked: string[] = [];
  const revoked: string[] = [];
  const primary: KeyPrimary = {
    missing(_id, kid) {
      asked.push(kid);
      return answer(kid);
    },
    revoked: (_id, kid) => void revoked.push(kid),
  };
  const keys = new KeyRelay(primary, clock);
  const [old, next] = [await testKey(), await testKey()];
  keys.receiveAll([{ id: 'main', keys: [old.jwk], ageMs: HOUR_MS }]);
  const set = keys.make('main', optionsOf('main', clock));
  await set.start();
  return { clock, asked, revoked, keys, set, old, next };
}

const optionsOf = (name: string, clock: Clock): JwksCacheOptions => ({
  ...{ name, issuer: 'https://issuer.test', source: 'x', algorithms: ['ES256'] },
  fetch: () => Promise.reject(new Error('a worker fetches nothing')),
  ...{ maxStalenessMs: 2 * HOUR_MS, clock, logger: createLogger('test', { level: 'silent' }) },
});

const absent = (againInMs: number) => async (): Promise<MissingKeyAnswer> => ({ state: 'absent', againInMs });

t.test('keys that were sent before are there, as old as they are', async (t) => {
  const { clock, set, old } = await relay(absent(0));
  t.equal(set.find(old.kid)?.kid, old.kid);
  t.equal(set.status().age_ms, HOUR_MS);
  await clock.advance(HOUR_MS + 1);
  t.equal(set.available, false, 'without news they are too old in the end');
});

t.test('keys that wait for a config to name their issuer grow older meanwhile', async (t) => {
  const { clock, keys, set, old } = await relay(absent(0));
  keys.receive({ id: 'other', keys: [old.jwk], ageMs: 1000 });
  await clock.advance(5000);
  const other = keys.make('other', optionsOf('other', clock));
  await other.start();
  t.equal(other.status().age_ms, 6000);
  t.equal(set.status().age_ms, HOUR_MS + 5000);
});

t.test('a key that is absent from the next set is gone, and one that stays is the same object', async (t) => {
  const { keys, set, old, next } = await relay(absent(0));
  const found = set.find(old.kid);
  keys.receive({ id: 'main', keys: [old.jwk, next.jwk], ageMs: 0 });
  await set.start();
  t.equal(set.find(old.kid), found);
  keys.receive({ id: 'main', keys: [next.jwk], ageMs: 0 });
  await set.start();
  t.equal(set.find(old.kid), undefined);
  t.equal(set.find(next.kid)?.kid, next.kid);
});

t.test('an unknown key id asks the primary once, and not again before its cooldown', async (t) => {
  const { clock, asked, set } = await relay(absent(30_000));
  t.strictSame(await Promise.all(['a', 'b', 'c'].map((kid) => set.fetchMissing(kid))), [
    'absent',
    'absent',
    'absent',
  ]);
  t.equal(await set.fetchMissing('d'), 'absent');
  t.equal(asked.length, 1);
  await clock.advance(30_000);
  await set.fetchMissing('e');
  t.equal(asked.length, 2);
});

t.test('a key that was fetched for it is found', async (t) => {
  const test = await relay(async () => {
    test.keys.receive({ id: 'main', keys: [test.next.jwk], ageMs: 0 });
    return { state: 'absent', againInMs: 0 };
  });
  const found = await test.set.fetchMissing(test.next.kid);
  t.match(found, { kid: test.next.kid });
});

t.test('a primary that says nothing leaves it unanswered', async (t) => {
  const { clock, set } = await relay(() => new Promise(() => undefined));
  const found = set.fetchMissing('a');
  await clock.advance(2000);
  t.equal(await found, 'unanswered');
});

t.test('a key that is revoked here is gone at once, for good, and the primary is told once', async (t) => {
  const { keys, set, old, next, revoked } = await relay(absent(0));
  set.revoke(old.kid, 9e9);
  set.revoke(old.kid, 9e9);
  t.equal(set.find(old.kid), undefined);
  t.strictSame(revoked, [old.kid]);
  keys.receive({ id: 'main', keys: [old.jwk, next.jwk], ageMs: 0 });
  await set.start();
  t.equal(set.find(old.kid), undefined, 'whatever the primary still sends');
  t.ok(set.find(next.kid));
});
