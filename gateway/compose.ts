import type { Server as TlsServer } from 'node:tls';
import type { ReadinessReport } from '../contracts/admin-api.js';
import { buildInfo } from '../kit/build-info.js';
import { systemClock } from '../kit/clock.js';
import { startAll } from '../kit/lifecycle.js';
import { createLogger } from '../kit/logger.js';
import { watchFiles } from '../kit/watched-files.js';
import { drainOf } from './drain.js';
import type { Gateway, GatewayDeps } from './gateway.js';
import { createAdminServer } from './http/admin-server.js';
import { listenAdmin } from './listen.js';
import type { GatewayOptions } from './options.js';
import { whenReady } from './readiness.js';
import { ConfigHistory, historyFolder } from './reload/config-history.js';
import { ConfigReloader } from './reload/config-reloader.js';
import { measureReloads } from './reload/measure-reloads.js';
import { createServing } from './serving.js';

/** Builds and starts a gateway in this process. With `cluster/`, this is the one place that sees all of its parts. */
export function startGateway(options: GatewayOptions, deps: GatewayDeps = {}): Promise<Gateway> {
  return startAll(async (lifecycle) => {
    const config = options.value;
    const clock = deps.clock ?? systemClock;
    const logger = deps.logger ?? createLogger('gateway', { level: config.log?.level ?? 'info' });
    const serving = await createServing(lifecycle, options, { ...deps, clock, logger });
    const { live, keys, metrics } = serving;

    const fileWatch = watchFiles(() => void reloader.reload('file'), { clock });
    const reloader = new ConfigReloader({
      inForce: () => live.current,
      async apply(changed) {
        const prepared = await serving.prepare(changed);
        serving.adopt(prepared);
        return prepared;
      },
      history: await ConfigHistory.open(historyFolder(config.keys_dir), logger),
      watch: (paths) => fileWatch.follow(paths),
      clock,
      logger,
    });
    lifecycle.onStop('config', async () => {
      fileWatch.stop();
      await reloader.settled();
    });
    measureReloads(metrics, reloader);
    const readiness = (): ReadinessReport => ({ ...serving.readiness(), config: reloader.state });
    const build = buildInfo();
    const admin = createAdminServer({
      guard: () => live.current.admin.guard,
      tls: live.current.admin.certificates?.options,
      readiness,
      version: () => ({ ...build, config: live.current.snapshot.version }),
      config: reloader,
      keySets: () => ({ issuers: keys.status() }),
      metrics: () => metrics.expose(),
      explain: (asked) => serving.explain(asked),
      logger,
    });
    live.onSwap(({ admin: { certificates: loaded } }) => {
      if (loaded !== undefined) (admin.server as unknown as TlsServer).setSecureContext(loaded.options);
    });

    serving.follow();
    const drainAdmin = drainOf(admin, clock, serving.drainMs);
    const adminUrl = await listenAdmin(lifecycle, admin, config.admin, drainAdmin);
    const url = await serving.listen();
    return {
      url,
      adminUrl,
      readiness,
      whenReady: (timeoutMs) => whenReady(readiness, clock, timeoutMs),
      reload: (trigger) => reloader.reload(trigger),
      stop: () => lifecycle.stop(),
    };
  });
}
