import type { Server as TlsServer } from 'node:tls';
import type { ConfigState } from '../contracts/admin-api.js';
import { buildInfo } from '../kit/build-info.js';
import type { Clock } from '../kit/clock.js';
import type { Lifecycle } from '../kit/lifecycle.js';
import type { Live } from '../kit/live.js';
import type { Logger } from '../kit/logger.js';
import { watchFiles } from '../kit/watched-files.js';
import type { Metrics } from './adapters/metrics.js';
import { drainOf } from './drain.js';
import { type AdminOptions, createAdminServer } from './http/admin-server.js';
import type { KeyCaches } from './key-caches.js';
import { listenAdmin } from './listen.js';
import { ConfigHistory, historyFolder } from './reload/config-history.js';
import { ConfigReloader, type ConfigReloaderOptions } from './reload/config-reloader.js';
import type { InForce } from './reload/in-force.js';
import { measureReloads } from './reload/measure-reloads.js';

/** A gateway as its operators see it: of one process, or the primary of several. */
export interface Operated
  extends Pick<ConfigReloaderOptions, 'apply'>,
    Pick<AdminOptions, 'explain' | 'restart'> {
  live: Live<InForce>;
  keys: KeyCaches;
  readiness(config: ConfigState): ReturnType<AdminOptions['readiness']>;
  /** This process's own, which the reloads are added to. */
  metrics: Metrics;
  /** What is told of them. */
  exposeMetrics: AdminOptions['metrics'];
  drainMs(): number;
  clock: Clock;
  logger: Logger;
}

/** Follows the config's files, and opens the admin listener. */
export async function serveOperators(
  lifecycle: Lifecycle,
  { live, keys, metrics, drainMs, clock, logger, ...operated }: Operated,
): Promise<{ adminUrl: string; reloader: ConfigReloader }> {
  const config = live.current.options.value;
  const fileWatch = watchFiles(() => void reloader.reload('file'), { clock });
  const reloader = new ConfigReloader({
    inForce: () => live.current,
    apply: operated.apply,
    history: await ConfigHistory.open(historyFolder(config.keys_dir), logger),
    watch: (paths) => fileWatch.follow(paths),
    ...{ clock, logger },
  });
  lifecycle.onStop('config', async () => {
    fileWatch.stop();
    await reloader.settled();
  });
  measureReloads(metrics, reloader);

  const build = buildInfo();
  const admin = createAdminServer({
    guard: () => live.current.admin.guard,
    tls: live.current.admin.certificates?.options,
    readiness: () => operated.readiness(reloader.state),
    version: () => ({ ...build, config: live.current.snapshot.version }),
    config: reloader,
    keySets: () => ({ issuers: keys.status() }),
    metrics: operated.exposeMetrics,
    explain: operated.explain,
    restart: operated.restart,
    logger,
  });
  live.onSwap(({ admin: { certificates: loaded } }) => {
    if (loaded !== undefined) (admin.server as unknown as TlsServer).setSecureContext(loaded.options);
  });
  const adminUrl = await listenAdmin(lifecycle, admin, config.admin, drainOf(admin, clock, drainMs));
  return { adminUrl, reloader };
}
