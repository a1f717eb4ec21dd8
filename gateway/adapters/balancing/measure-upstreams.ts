import type { UpstreamReadiness } from '../../../contracts/admin-api.js';
import type { MetricSpec, Metrics, Sample } from '../metrics.js';
import type { Target } from './target.js';
import type { Upstream } from './upstream.js';

const STATES = ['in', 'suspected', 'ejected', 'returning', 'unhealthy'] as const;

const stateOf = ({ state, healthy }: Target): (typeof STATES)[number] => (healthy ? state : 'unhealthy');

/** The targets of an upstream, those without weight aside, for `/ready`. */
export function upstreamReadiness({ targets, breaker }: Upstream): UpstreamReadiness {
  const weighted = targets.all.filter(({ weight }) => weight > 0);
  const available = weighted.filter(({ isAvailable }) => isAvailable).length;
  return {
    targets: weighted.length,
    available,
    circuit: breaker?.state ?? null,
  };
}

/** Labels are what config names: addresses of one host name are counted together. */
export function measureUpstreams(metrics: Metrics, upstreams: () => readonly Upstream[]): void {
  const add = (
    name: string,
    type: MetricSpec['type'],
    help: string,
    read: (upstream: Upstream) => Sample[],
    across: NonNullable<MetricSpec['across']> = 'sum',
  ) =>
    metrics.add({ name: `gatehouse_upstream_${name}`, help, type, across }, () =>
      upstreams().flatMap((upstream) =>
        read(upstream).map((sample) => ({
          ...sample,
          labels: { upstream: upstream.name, ...sample.labels },
        })),
      ),
    );
  const perTarget = (read: (target: Target) => number) => (upstream: Upstream) => {
    const sums = new Map<string, number>();
    for (const target of upstream.targets.all)
      sums.set(target.url, (sums.get(target.url) ?? 0) + read(target));
    return [...sums].map(([url, value]) => ({ labels: { target: new URL(url).host }, value }));
  };
  add(
    'targets',
    'gauge',
    'Targets, each address of a host name, by state.',
    ({ targets }) =>
      STATES.map((state) => ({
        labels: { state },
        value: targets.all.filter((target) => stateOf(target) === state).length,
      })),
    'max',
  );
  add(
    'target_available',
    'gauge',
    'Addresses of the target that take requests.',
    perTarget(({ isAvailable }) => Number(isAvailable)),
    'min',
  );
  add(
    'target_open_requests',
    'gauge',
    'Requests under way at the target.',
    perTarget(({ inFlight }) => inFlight),
  );
  add(
    'target_failures_total',
    'counter',
    'Requests to the target without an answer, or with 502, 503 or 504.',
    ({ record, targets }) =>
      [...new Set(targets.all.map(({ url }) => url))].map((url) => ({
        labels: { target: new URL(url).host },
        value: record.failures.get(url) ?? 0,
      })),
  );
  add('ejections_total', 'counter', 'How often a target was left out.', ({ record }) => [
    { value: record.ejections },
  ]);
  add(
    'retries_total',
    'counter',
    'Requests that did not end with their first target, by what came of it.',
    ({ record }) => [
      { labels: { result: 'sent' }, value: record.retries },
      { labels: { result: 'passed_over' }, value: record.passedOver },
      { labels: { result: 'over_budget' }, value: record.overBudget },
    ],
  );
  add('health_checks_total', 'counter', 'Health checks by result.', ({ record: { checks } }) => [
    { labels: { result: 'good' }, value: checks.good },
    { labels: { result: 'bad' }, value: checks.bad },
  ]);
  add(
    'circuit_open',
    'gauge',
    '1 while the upstream is not asked.',
    ({ breaker }) => (breaker === undefined ? [] : [{ value: Number(breaker.state !== 'closed') }]),
    'max',
  );
  add('circuit_opened_total', 'counter', 'How often the circuit opened.', ({ record }) => [
    { value: record.circuitOpened },
  ]);
  add('waiting_requests', 'gauge', 'Requests that wait for their turn.', ({ line }) =>
    line === undefined ? [] : [{ value: line.waiting }],
  );
}
