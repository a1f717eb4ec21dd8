import type { MetricFamily, Sample } from '../adapters/metrics.js';

/** What one process has counted. */
export interface MetricSource {
  /** `primary`, or the worker's number. */
  name: string;
  families: readonly MetricFamily[];
}

/** The gateway's own metrics; others are of a process as such. */
const OWN = /^gatehouse_/;

const COMBINE = {
  sum: (one: number, other: number) => one + other,
  max: Math.max,
  min: Math.min,
} as const;

/**
 * One exposition of several processes. The gateway's own metrics are put together as `across` says; those of Node and of
 * the process make no sense as a sum, and get the label `worker`.
 */
export function mergeMetrics(sources: readonly MetricSource[]): MetricFamily[] {
  const merged = new Map<string, MetricFamily>();
  for (const { name, families } of sources) {
    for (const family of families) {
      const { values, ...spec } = family;
      const into = merged.get(family.name) ?? { ...spec, values: [] };
      merged.set(family.name, into);
      if (OWN.test(family.name)) into.values = combine(into, values);
      else into.values.push(...values.map((sample) => labelled(sample, name)));
    }
  }
  return [...merged.values()];
}

/**
 * What a worker that is gone has counted still counts: a sum that became smaller would look like a restart, and be added
 * once more. Gauges end with their process.
 */
export function countedBy(families: readonly MetricFamily[]): MetricFamily[] {
  return families.filter(({ name, type }) => OWN.test(name) && type !== 'gauge');
}

/** Series of routes and upstreams that the config no longer has are forgotten. */
export function keepOnly(
  families: readonly MetricFamily[],
  { routes, upstreams }: { routes: ReadonlySet<string>; upstreams: ReadonlySet<string> },
): MetricFamily[] {
  const isKnown = ({ labels = {} }: Sample): boolean => {
    const { route, upstream } = labels;
    return (route === undefined || routes.has(route)) && (upstream === undefined || upstreams.has(upstream));
  };
  return families.map((family) => ({ ...family, values: family.values.filter(isKnown) }));
}

function combine({ values, across = 'sum' }: MetricFamily, added: readonly Sample[]): Sample[] {
  const all = new Map(values.map((sample) => [seriesOf(sample), sample]));
  for (const sample of added) {
    const key = seriesOf(sample);
    const known = all.get(key);
    all.set(
      key,
      known === undefined ? sample : { ...sample, value: COMBINE[across](known.value, sample.value) },
    );
  }
  return [...all.values()];
}

function seriesOf({ metricName = '', labels = {} }: Sample): string {
  const sorted = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([metricName, ...sorted]);
}

function labelled(sample: Sample, worker: string): Sample {
  return { ...sample, labels: { worker, ...sample.labels } };
}
