import { type Counter, collectDefaultMetrics, Registry } from 'prom-client';

/** One line of the exposition. */
export interface Sample {
  value: number;
  labels?: Readonly<Record<string, string>>;
  /** Of a histogram's parts; default: the metric's own name. */
  metricName?: string;
}

export interface MetricSpec {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  /** What the values of several workers come to; default: their sum. */
  across?: 'sum' | 'max' | 'min';
}

/** A metric with its samples, as one process has them or several together. */
export interface MetricFamily extends MetricSpec {
  values: Sample[];
}

export interface Metrics {
  /** A metric whose samples are read whenever somebody scrapes. Labels have to be bounded. */
  add(spec: MetricSpec, read: () => Sample[]): void;
  expose(): Promise<{ contentType: string; text: string }>;
  /** The same as data. */
  collect(): Promise<MetricFamily[]>;
}

/**
 * Prometheus metrics, those of the process among them. prom-client's own counters look their labels up by a text made
 * for each call; here the parts count for themselves, in place, and are read at a scrape.
 */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    add(spec, read) {
      const metric = { ...spec, get: () => ({ ...spec, values: read() }) };
      registry.registerMetric(metric as unknown as Counter);
    },
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    collect: async () => (await registry.getMetricsAsJSON()) as unknown as MetricFamily[],
  };
}

/** The exposition of what was collected elsewhere. */
export async function exposeFamilies(
  families: readonly MetricFamily[],
): Promise<{ contentType: string; text: string }> {
  const registry = new Registry();
  for (const family of families) {
    const metric = { ...family, get: () => family };
    registry.registerMetric(metric as unknown as Counter);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}
