import { createHash } from 'node:crypto';
import { ConfigError, type ConfigFile } from '../../kit/config-file.js';
import { durationMs } from '../../kit/units.js';
import type { Snapshot } from '../pipeline/snapshot.js';
import { checkIssuers } from './compile/check-issuers.js';
import { checkListeners } from './compile/check-listeners.js';
import { checkProfiles } from './compile/check-profiles.js';
import { checkRevocationMode } from './compile/check-revocation-mode.js';
import { checkRoutes } from './compile/check-routes.js';
import { checkUpstreams } from './compile/check-upstreams.js';
import { compileIssuers, type KeySources } from './compile/issuers.js';
import { compileRoute } from './compile/routes.js';
import { createRouteTable } from './route-table.js';
import type { GatewayConfig } from './schema.js';

/**
 * Config that has the right form, made into a snapshot: every name resolved, every conflict found. All or nothing;
 * throws ConfigError with all problems at once.
 */
export function compileSnapshot(config: ConfigFile<GatewayConfig>, keySources: KeySources): Snapshot {
  const problems = [
    ...checkListeners(config),
    ...checkIssuers(config),
    ...checkUpstreams(config),
    ...checkProfiles(config),
    ...checkRoutes(config),
    ...checkRevocationMode(config),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  const issuers = compileIssuers(config.value, keySources);
  const routes = config.value.routes.map((route, index) => {
    const { line } = config.problem(['routes', index], '', '');
    return compileRoute(route, `${config.file}:${line}`, config.value, issuers);
  });
  return {
    version: createHash('sha256').update(JSON.stringify(config.value)).digest('hex').slice(0, 12),
    routes: createRouteTable(routes),
    maxStalenessMs: durationMs(config.value.revocation.max_staleness ?? '10s'),
  };
}
