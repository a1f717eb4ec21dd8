import { createHash } from 'node:crypto';
import { ConfigError, type ConfigFile } from '../../kit/config-file.js';
import { durationMs } from '../../kit/units.js';
import type { Snapshot } from '../pipeline/snapshot.js';
import { reservedHeaders } from './compile/identity-layouts.js';
import { compileIssuers, type KeySources } from './compile/issuers.js';
import { compileRoute, routeParts } from './compile/routes.js';
import { findProblems } from './find-problems.js';
import { createRouteTable } from './route-table.js';
import type { GatewayConfig } from './schema.js';

/**
 * Config that has the right form, made into a snapshot: every name resolved, every conflict found. All or nothing;
 * throws ConfigError with all problems at once.
 */
export function compileSnapshot(config: ConfigFile<GatewayConfig>, keySources: KeySources): Snapshot {
  const problems = findProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
  const parts = routeParts(config.value, compileIssuers(config.value, keySources));
  const routes = config.value.routes.map((route, index) => {
    const { file, line } = config.place(['routes', index]);
    return compileRoute(route, `${file}:${line}`, parts);
  });
  return {
    version: createHash('sha256').update(JSON.stringify(config.value)).digest('hex').slice(0, 12),
    routes: createRouteTable(routes),
    hosts: servedHosts(config.value.listen.hosts),
    maxStalenessMs: durationMs(config.value.revocation.max_staleness ?? '10s'),
    reservedHeaders: reservedHeaders(config.value),
  };
}

function servedHosts(hosts: readonly string[] | undefined): ReadonlySet<string> | undefined {
  return hosts === undefined ? undefined : new Set(hosts.map((host) => host.toLowerCase()));
}
