import type { ConfigState, ReadinessReport, WorkerState } from '../../contracts/admin-api.js';
import type { ExplainRequest, Explanation } from '../../contracts/admin-explain.js';
import { Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import type { Live } from '../../kit/live.js';
import { exposeFamilies, type MetricFamily, type Metrics } from '../adapters/metrics.js';
import type { KeyCaches } from '../key-caches.js';
import { daysLeft } from '../readiness.js';
import type { InForce } from '../reload/in-force.js';
import { countedBy, keepOnly, mergeMetrics } from './merge-metrics.js';
import { mergeReadiness } from './merge-readiness.js';
import type { WorkerReadiness } from './messages.js';
import type { WorkerPool } from './worker-pool.js';
import type { WorkerProcess } from './worker-process.js';

export interface WorkerReportsDeps {
  pool: WorkerPool;
  live: Live<InForce>;
  keys: KeyCaches;
  /** The primary's own. */
  metrics: Metrics;
  clock: Clock;
}

const ANSWER_WITHIN_MS = 2000;

/** What operators are told of all workers together. */
export class WorkerReports {
  readonly #deps: WorkerReportsDeps;
  /** What workers have counted that are gone. */
  #gone: MetricFamily[] = [];

  constructor(deps: WorkerReportsDeps) {
    this.#deps = deps;
    const { pool, live, metrics } = deps;
    live.onSwap(({ snapshot, options }) => {
      const routes = new Set(['none', ...snapshot.routes.all.map(({ id }) => id)]);
      this.#gone = keepOnly(this.#gone, { routes, upstreams: new Set(Object.keys(options.value.upstreams)) });
    });
    metrics.add({ name: 'gatehouse_workers', help: 'Worker processes by state.', type: 'gauge' }, () =>
      (['starting', 'serving', 'leaving'] as const).map((state) => ({
        labels: { state },
        value: pool.alive.filter((worker) => worker.state === state).length,
      })),
    );
    metrics.add(
      { name: 'gatehouse_worker_crashes_total', help: 'Workers that ended unasked.', type: 'counter' },
      () => [{ value: pool.crashes }],
    );
  }

  /** Of a worker that has ended. */
  keep({ metrics, number }: WorkerProcess): void {
    this.#gone = mergeMetrics([
      { name: 'gone', families: this.#gone },
      { name: String(number), families: countedBy(metrics) },
    ]);
  }

  async metrics(): Promise<{ contentType: string; text: string }> {
    const { pool, metrics } = this.#deps;
    const own = await metrics.collect();
    await Promise.all(
      pool.alive.map(async (worker) => {
        if (worker.state === 'starting') return;
        // One that does not answer has counted at least what it had.
        const collected = worker.channel.ask('metrics', null, ANSWER_WITHIN_MS);
        worker.metrics = await collected.catch(() => worker.metrics);
      }),
    );
    // From here on nothing waits, so that no worker ends between being counted here and being counted as gone.
    const sources = pool.alive.map(({ number, state, metrics: families }) => ({
      name: String(number),
      // The place that it leaves is another's already.
      families: state === 'leaving' ? countedBy(families) : families,
    }));
    return exposeFamilies(
      mergeMetrics([{ name: 'primary', families: own }, { name: 'gone', families: this.#gone }, ...sources]),
    );
  }

  async readiness(config: ConfigState, stopping: boolean): Promise<ReadinessReport> {
    const { pool, live, keys, clock } = this.#deps;
    const asked = await Promise.all(
      pool.alive.map(async (worker) => {
        const { state, number, pid } = worker;
        const report =
          state === 'serving'
            ? await worker.channel.ask('readiness', null, ANSWER_WITHIN_MS).catch(() => undefined)
            : undefined;
        return { report, shown: { number, pid, state, ready: report?.ready ?? false } };
      }),
    );
    return mergeReadiness(
      asked.flatMap(({ report }): WorkerReadiness[] => (report === undefined ? [] : [report])),
      {
        config,
        certificates: live.current.certificateEnds.map((end) => daysLeft(end, clock.now())),
        issuers: keys.readiness().issuers,
        shutting_down: stopping,
        starting: !pool.hasStarted,
        workers: asked.map(({ shown }): WorkerState => shown),
      },
    );
  }

  /** As the first worker that serves would do it: they all go by the same. */
  async explain(asked: ExplainRequest): Promise<Explanation> {
    const [worker] = this.#deps.pool.serving;
    if (worker === undefined) throw new Problem('internal_error');
    return worker.channel.ask('explain', asked);
  }
}
