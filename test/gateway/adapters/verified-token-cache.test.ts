import t from 'tap';
import { createVerifiedTokenCache } from '../../../gateway/adapters/verified-token-cache.js';
import type { Verification } from '../../../gateway/pipeline/ports.js';

const verification = (name: string): Verification => ({ name }) as unknown as Verification;

t.test('texts that end alike are different tokens', async (t) => {
  const cache = createVerifiedTokenCache();
  const signature = 's'.repeat(86);
  const [one, other] = [`header.one.${signature}`, `header.other.${signature}`];
  const known = verification('one');
  cache.set(one, known);
  t.equal(cache.get(one), known);
  t.equal(cache.get(other), undefined, 'all of the text is compared, not its end');
  t.equal(cache.get(signature), undefined);
  t.same([cache.hits, cache.misses], [1, 2]);
  const second = verification('other');
  cache.set(other, second);
  t.equal(cache.get(other), second);
  t.equal(cache.get(one), undefined, 'one has taken the place of the other');
});

t.test('what it holds is bounded by bytes, and reckoned by the length of the token', async (t) => {
  const cache = createVerifiedTokenCache(10_000);
  for (let i = 0; i < 100; i++) cache.set(`${'x'.repeat(400)}.${i}`.padStart(500, '-'), verification(`${i}`));
  t.ok(cache.bytes <= 10_000);
  t.equal(cache.entries, Math.floor(10_000 / (640 + 3 * 500)));
  t.ok(cache.get(`${'x'.repeat(400)}.99`.padStart(500, '-')), 'the latest is there');
});
