import t from 'tap';
import {
  type Choosable,
  type Choose,
  leastRequests,
  roundRobin,
} from '../../../../gateway/adapters/balancing/choose-target.js';
import { seededRandom } from '../../../fixtures/random.js';

interface Fake extends Choosable {
  name: string;
  inFlight: number;
}

const fake = (name: string, weight = 1): Fake => ({ name, weight, inFlight: 0 });
const shares = (choose: Choose<Fake>, times: number): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const { name } = choose() ?? { name: 'none' };
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};
const random = () => {
  const { int } = seededRandom(7);
  return () => int(2 ** 30) / 2 ** 30;
};

t.test('least requests: the busier of two is never chosen', async (t) => {
  const [one, two] = [fake('one'), fake('two')];
  const choose = leastRequests([one, two], random());
  one.inFlight = 1;
  t.strictSame(shares(choose, 100), { two: 100 });
  two.inFlight = 2;
  t.strictSame(shares(choose, 100), { one: 100 });
});

t.test(
  'least requests: a target that collects requests gets none, however many others there are',
  async (t) => {
    const targets = Array.from({ length: 200 }, (_, index) => fake(`t${index}`));
    const [stuck] = targets;
    if (stuck === undefined) throw new Error('no target');
    stuck.inFlight = 1;
    t.equal(shares(leastRequests(targets, random()), 20_000)['t0'], undefined);
  },
);

t.test('least requests: idle targets share evenly', async (t) => {
  const counts = shares(leastRequests([fake('a'), fake('b'), fake('c')], random()), 30_000);
  for (const count of Object.values(counts)) t.ok(Math.abs(count - 10_000) < 300, String(count));
});

t.test('weights hold exactly, also when one of them is busy', async (t) => {
  const [stable, other, canary] = [fake('stable', 45), fake('other', 45), fake('canary', 10)];
  const choose = leastRequests([stable, other, canary], random());
  canary.inFlight = 3;
  const counts = shares(choose, 100_000);
  t.ok(Math.abs((counts['canary'] ?? 0) - 10_000) < 300, `canary ${counts['canary']}`);
  stable.inFlight = 1;
  t.strictSame(Object.keys(shares(choose, 1000)).sort(), ['canary', 'other']);
});

t.test('round robin: everyone in turn; weights spread out', async (t) => {
  const names = (choose: Choose<Fake>, times: number) =>
    Array.from({ length: times }, () => choose()?.name).join('');
  t.equal(names(roundRobin([fake('a'), fake('b'), fake('c')], 1), 6), 'bcabca');
  t.equal(names(roundRobin([fake('a', 10), fake('b', 2), fake('c', 2)], 0), 7), 'aabacaa');
});

t.test('nobody to choose from', async (t) => {
  t.equal(leastRequests([], random())(), undefined);
  t.equal(roundRobin([], 0)(), undefined);
});
