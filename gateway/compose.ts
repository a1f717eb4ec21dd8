import type { ConfigState, ReadinessReport } from '../contracts/admin-api.js';
import { systemClock } from '../kit/clock.js';
import { startAll } from '../kit/lifecycle.js';
import { createLogger } from '../kit/logger.js';
import type { Gateway, GatewayDeps } from './gateway.js';
import type { GatewayOptions } from './options.js';
import { whenReady } from './readiness.js';
import { serveOperators } from './serve-operators.js';
import { createServing } from './serving.js';

/**
 * Builds and starts a gateway in this process: what serves clients, and what serves operators. Of several processes:
 * `cluster/`.
 */
export function startGateway(options: GatewayOptions, deps: GatewayDeps = {}): Promise<Gateway> {
  return startAll(async (lifecycle) => {
    const config = options.value;
    const clock = deps.clock ?? systemClock;
    const logger = deps.logger ?? createLogger('gateway', { level: config.log?.level ?? 'info' });
    const serving = await createServing(lifecycle, options, { ...deps, clock, logger });
    const { live, keys, metrics } = serving;
    serving.follow();
    const readiness = (state: ConfigState): ReadinessReport => ({ ...serving.readiness(), config: state });
    const { adminUrl, reloader } = await serveOperators(lifecycle, {
      ...{ live, keys, metrics, readiness, clock, logger },
      async apply(changed) {
        const prepared = await serving.prepare(changed);
        serving.adopt(prepared);
        return prepared;
      },
      exposeMetrics: () => metrics.expose(),
      explain: (asked) => serving.explain(asked),
      drainMs: serving.drainMs,
    });
    const url = await serving.listen();
    const readinessNow = (): ReadinessReport => readiness(reloader.state);
    return {
      url,
      adminUrl,
      readiness: readinessNow,
      whenReady: (timeoutMs) => whenReady(readinessNow, clock, timeoutMs),
      reload: (trigger) => reloader.reload(trigger),
      stop: () => lifecycle.stop(),
    };
  });
}
