import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../kit/clock.js';
import { ConfigError } from '../../kit/config-file.js';
import { startAll } from '../../kit/lifecycle.js';
import { Live } from '../../kit/live.js';
import { createLogger } from '../../kit/logger.js';
import { durationMs } from '../../kit/units.js';
import { createMetrics } from '../adapters/metrics.js';
import { UpstreamConnections } from '../adapters/upstream-connections.js';
import type { Gateway, GatewayDeps } from '../gateway.js';
import { KeyCaches } from '../key-caches.js';
import { measureKeys } from '../measure.js';
import type { GatewayOptions } from '../options.js';
import type { InForce } from '../reload/in-force.js';
import { type PreparedConfig, prepareConfig } from '../reload/prepare-config.js';
import { serveOperators } from '../serve-operators.js';
import { createLimitBook } from './limit-book.js';
import type { SharedConfig } from './messages.js';
import { OfferedKeys } from './offered-keys.js';
import { onlyForKeys } from './share-of.js';
import { Watchdog } from './watchdog.js';
import { WorkerPool } from './worker-pool.js';
import { WorkerProcess } from './worker-process.js';
import { WorkerReports } from './worker-reports.js';

export interface PrimaryGateway extends Pick<Gateway, 'url' | 'adminUrl' | 'reload' | 'stop'> {
  /** Workers one after the other; see {@link WorkerPool}. */
  restart(): Promise<void>;
}

/** For what a worker does after the last connection has been cut. */
const EXIT_MS = 5000;

/**
 * A gateway of several processes (ADR 0020). This one serves no client: it reads the config, has the workers follow it,
 * fetches keys, counts rate limits, and answers operators.
 */
export function startPrimary(
  options: GatewayOptions,
  workers: number,
  deps: Pick<GatewayDeps, 'clock' | 'logger'> = {},
): Promise<PrimaryGateway> {
  return startAll(async (lifecycle) => {
    const clock = deps.clock ?? systemClock;
    const { level = 'info' } = options.value.log ?? {};
    const logger = deps.logger ?? createLogger('gateway', { level, worker: 'primary' });

    const upstreams = new UpstreamConnections(clock, { logger });
    lifecycle.onStop('upstream connections', () => upstreams.close());
    const offered: OfferedKeys = new OfferedKeys((set) => pool.tellAll(set));
    const keys = new KeyCaches({
      ...{ upstreams, clock, logger },
      makeKeySet: (id, keySet) => offered.make(id, keySet),
    });
    lifecycle.onStop('key sets', () => keys.stop());
    const assertionSecret = randomBytes(32);
    const parts = { upstreams, keys, clock, worker: { shareOf: onlyForKeys, assertionSecret } };
    const sharedOf = ({ file, texts }: GatewayOptions): SharedConfig => ({
      file,
      texts,
      keys: offered.all(),
    });

    const limits = createLimitBook(clock);
    cluster.setupPrimary({ serialization: 'advanced' });
    const pool: WorkerPool = new WorkerPool({
      ...{ workers, assertionSecret, clock, logger },
      fork: (number, shared) =>
        new WorkerProcess(number, cluster.fork({ [WORKER_VARIABLE]: String(number) }), shared, {
          missingKey: ({ id, kid }) => offered.missing(id, kid),
          keyRevoked({ id, kid, expS }) {
            offered.revoked(id, kid, expS);
            return null;
          },
          limits: (cells) => limits.tell(cells),
        }),
      config: () => sharedOf(live.current.options),
      graceMs: () => delayMs() + drainMs() + EXIT_MS,
      onEnd: (worker) => reports.keep(worker),
    });

    const first = await prepareConfig(options, undefined, parts);
    first.adopt();
    const live = new Live<InForce>(first.next);
    const drainMs = (): number => durationMs(live.current.options.value.drain_timeout ?? '10s');
    const delayMs = (): number => durationMs(live.current.options.value.shutdown_delay ?? '5s');
    const metrics = createMetrics();
    measureKeys(metrics, { keys });
    const watchdog = new Watchdog({ alive: () => pool.alive, clock, logger });
    watchdog.measure(metrics);
    const reports = new WorkerReports({ pool, live, keys, metrics, clock });

    let stopping = false;
    const { adminUrl, reloader } = await serveOperators(lifecycle, {
      ...{ live, keys, metrics, drainMs, clock, logger },
      async apply(changed) {
        const prepared = await prepareConfig(changed, live.current, parts);
        await applyEverywhere(prepared, sharedOf(changed), pool, live);
        return prepared;
      },
      readiness: (state) => reports.readiness(state, stopping),
      exposeMetrics: () => reports.metrics(),
      explain: (asked) => reports.explain(asked),
      restart: () => void pool.restart(),
    });
    lifecycle.onStop('workers', async () => {
      stopping = true;
      await pool.stop();
    });
    const url = await pool.start();
    watchdog.start();
    lifecycle.onStop('watchdog', () => watchdog.stop());
    return {
      ...{ url, adminUrl },
      reload: (trigger) => reloader.reload(trigger),
      restart: () => pool.restart(),
      stop: () => lifecycle.stop(),
    };
  });
}

/** How a worker is told that it is one of ours: another program's cluster may have started this process. */
export const WORKER_VARIABLE = 'GATEHOUSE_WORKER';

/** All or nothing: what one worker refuses no worker gets. */
async function applyEverywhere(
  prepared: PreparedConfig,
  shared: SharedConfig,
  pool: WorkerPool,
  live: Live<InForce>,
): Promise<void> {
  try {
    const problems = await pool.prepare(shared);
    if (problems.length > 0) throw new ConfigError(problems);
  } catch (error) {
    pool.discard();
    await prepared.discard();
    throw error;
  }
  prepared.adopt();
  live.swap(prepared.next);
  await pool.commit(shared);
}
