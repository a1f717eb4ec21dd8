import t from 'tap';
import type { MetricFamily, Sample } from '../../../gateway/adapters/metrics.js';
import { countedBy, keepOnly, mergeMetrics } from '../../../gateway/cluster/merge-metrics.js';

const family = (name: string, values: Sample[], more: Partial<MetricFamily> = {}): MetricFamily => ({
  ...{ name, help: name, type: 'counter', values },
  ...more,
});

t.test(
  'counters and histograms are summed series by series, whatever the order of their labels',
  async (t) => {
    const first = family('gatehouse_x', [
      { value: 1, labels: { a: '1', b: '2' } },
      { value: 5, labels: { a: '9' }, metricName: 'gatehouse_x_sum' },
    ]);
    const second = family('gatehouse_x', [
      { value: 2, labels: { b: '2', a: '1' } },
      { value: 3, labels: { a: '9' } },
    ]);
    const [merged] = mergeMetrics([
      { name: '1', families: [first] },
      { name: '2', families: [second] },
    ]);
    t.strictSame(
      merged?.values.map(({ value }) => value),
      [3, 5, 3],
    );
  },
);

t.test('a gauge says how its values come together', async (t) => {
  const of = (across: 'max' | 'min' | undefined, value: number) => ({
    name: String(value),
    families: [
      family('gatehouse_g', [{ value }], { type: 'gauge', ...(across === undefined ? {} : { across }) }),
    ],
  });
  const merged = (across: 'max' | 'min' | undefined) =>
    mergeMetrics([of(across, 2), of(across, 5)])[0]?.values[0]?.value;
  t.equal(merged('max'), 5);
  t.equal(merged('min'), 2);
  t.equal(merged(undefined), 7);
  t.equal(mergeMetrics([of('max', 2), of('max', Number.POSITIVE_INFINITY)])[0]?.values[0]?.value, Infinity);
});

t.test('what is of a process keeps apart, by worker', async (t) => {
  const rss = family('process_rss', [{ value: 1 }], { type: 'gauge' });
  const [merged] = mergeMetrics([
    { name: 'primary', families: [rss] },
    { name: '1', families: [rss] },
  ]);
  t.strictSame(merged?.values, [
    { value: 1, labels: { worker: 'primary' } },
    { value: 1, labels: { worker: '1' } },
  ]);
});

t.test(
  'of a worker that is gone its counts stay, but for routes and upstreams that are gone too',
  async (t) => {
    const families = [
      family('gatehouse_c', [
        { value: 1, labels: { route: 'kept' } },
        { value: 1, labels: { route: 'gone' } },
        { value: 1, labels: { upstream: 'gone' } },
        { value: 1 },
      ]),
      family('gatehouse_g', [{ value: 1 }], { type: 'gauge' }),
      family('process_cpu', [{ value: 1 }]),
    ];
    const counted = countedBy(families);
    t.strictSame(
      counted.map(({ name }) => name),
      ['gatehouse_c'],
    );
    const kept = keepOnly(counted, { routes: new Set(['kept']), upstreams: new Set() });
    t.strictSame(kept[0]?.values, [{ value: 1, labels: { route: 'kept' } }, { value: 1 }]);
  },
);
