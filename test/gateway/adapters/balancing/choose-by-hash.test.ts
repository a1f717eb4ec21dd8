import t, { type Test } from 'tap';
import {
  firstInOrder,
  hashText,
  type Ranked,
} from '../../../../gateway/adapters/balancing/choose-by-hash.js';
import { tally } from '../../../fixtures/test-upstream.js';

interface Named extends Ranked {
  name: string;
}

const named = (name: string, weight = 1): Named => ({
  name,
  weight,
  hash: hashText(`https://${name}.internal:8443 10.0.0.1`),
});
const KEYS = Array.from({ length: 20_000 }, (_, index) => hashText(`subject 0  user-${index}`));
const placed = (targets: readonly Named[]): string[] =>
  KEYS.map((key) => firstInOrder(targets, key)?.name ?? 'none');
const isNear = (t: Test, is: number | undefined, wanted: number): void => {
  // Four standard deviations of a fair draw.
  const bound = 4 * Math.sqrt(wanted * (1 - wanted / KEYS.length));
  t.ok(Math.abs((is ?? 0) - wanted) < bound, `${is}, wanted ${wanted}`);
};

t.test('callers spread by weight', async (t) => {
  const equal = tally(placed(['a', 'b', 'c', 'd', 'e'].map((name) => named(name))));
  for (const count of Object.values(equal)) isNear(t, count, 4000);
  const weighted = tally(placed([named('a', 70), named('b', 25), named('c', 5)]));
  isNear(t, weighted['a'], 14_000);
  isNear(t, weighted['b'], 5000);
  isNear(t, weighted['c'], 1000);
});

t.test('a target that is out moves its own callers only, in equal parts to the others', async (t) => {
  const all = ['a', 'b', 'c', 'd'].map((name) => named(name));
  const before = placed(all);
  const after = placed(all.filter(({ name }) => name !== 'b'));
  const others = before.flatMap((name, index) => (name === 'b' ? [] : [name === after[index]]));
  t.notOk(others.includes(false), 'nobody else moves');
  const moved = tally(after.filter((_, index) => before[index] === 'b'));
  for (const name of ['a', 'c', 'd']) isNear(t, moved[name], before.filter((at) => at === 'b').length / 3);
  t.strictSame(placed([...all].reverse()), before, 'whatever the order they are written in');
});

t.test('a target with more weight takes callers, and nobody moves between the others', async (t) => {
  const before = placed([named('a'), named('b'), named('c')]);
  const after = placed([named('a'), named('b'), named('c', 2)]);
  const moves = new Set(after.filter((name, index) => name !== before[index]));
  t.strictSame([...moves], ['c']);
});

t.test('nobody to choose from', async (t) => {
  t.equal(firstInOrder([], 1), undefined);
});

t.test('every key has a place, the outermost ones as well', async (t) => {
  for (const key of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 0.5])
    for (const hash of [0, 2 ** 32 - 1, key]) t.ok(firstInOrder([{ weight: 1, hash }], key));
});
