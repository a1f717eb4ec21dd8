import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Outcome } from '../pipeline/ports.js';

/** The label's value and the figure. */
export type ReadSeries = () => Iterable<readonly [label: string, value: number]>;

export interface Metrics {
  count(outcome: Outcome): void;
  /** A value read whenever somebody scrapes. */
  gauge(name: string, help: string, read: () => number): void;
  /** One for each member of a bounded set, such as the issuers of the config. */
  gauges(name: string, help: string, label: string, read: ReadSeries): void;
  /** Likewise, for what is counted elsewhere and never falls. */
  counters(name: string, help: string, label: string, read: ReadSeries): void;
  expose(): Promise<{ contentType: string; text: string }>;
}

/** Prometheus metrics. Labels are bounded: routes, status codes and problem codes of the closed table. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'gatehouse_requests_total',
    help: 'Requests by route, status and problem code.',
    labelNames: ['route', 'status', 'code'] as const,
    registers,
  });
  const durations = new Histogram({
    name: 'gatehouse_request_duration_seconds',
    help: 'Time from the request line to the end of the reply.',
    labelNames: ['route'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const denials = new Counter({
    name: 'gatehouse_denials_total',
    help: 'Refusals by the rule or check that refused; of routes in report-only mode those that would have been.',
    labelNames: ['route', 'code', 'reason', 'report_only'] as const,
    registers,
  });
  return {
    count({ route = 'none', status, problem, reported, durationMs }) {
      requests.inc({ route, status: String(status), code: problem?.code ?? '' });
      durations.observe({ route }, durationMs / 1000);
      const denial = reported ?? problem;
      if (denial !== undefined && (denial === reported || denial.reason !== undefined)) {
        const report_only = String(denial === reported);
        denials.inc({ route, code: denial.code, reason: denial.reason ?? '', report_only });
      }
    },
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    gauges(name, help, label, read) {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [member, value] of read()) this.set({ [label]: member }, value);
        },
      });
    },
    counters(name, help, label, read) {
      new Counter({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [member, value] of read()) this.inc({ [label]: member }, value);
        },
      });
    },
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
