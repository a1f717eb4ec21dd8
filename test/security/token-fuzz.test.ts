import t from 'tap';
import { fuzzTokens, STRICTER_RULES } from '../fixtures/token-fuzz.js';

/** The small brother of `test/long/token-fuzz.test.ts`: always the same tokens but for their keys. */
t.test('2,000 mutated tokens: none gets in, and where jose would let one in there is a rule', async (t) => {
  const { faults, stricter, refused } = await fuzzTokens(t, 1, 2000);
  t.strictSame(faults, []);
  const rules = STRICTER_RULES.map(({ rule }) => rule);
  t.strictSame(Object.keys(stricter).sort(), [...rules].sort(), 'each rule is one that makes a difference');
  t.notOk('accepted' in refused);
});
