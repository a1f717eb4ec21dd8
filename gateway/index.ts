import type { Gateway, GatewayDeps } from './gateway.js';
import type { runGateway as run } from './main.js';
import type { GatewayOptions } from './options.js';

/** What the rest of the house may use of the gateway. */
export { type ConfigReport, checkConfig } from './check-config.js';
export { checkOnline, type OnlineVerdict } from './check-online.js';
export type { Gateway, GatewayDeps } from './gateway.js';
export { type ConfigChange, EFFECTS } from './inspect/config-change.js';
export { diffConfigs } from './inspect/diff-configs.js';
export { type DryRunReport, dryRun } from './inspect/dry-run/dry-run.js';
export { CHANGES } from './inspect/dry-run/side.js';
export { effectiveConfig } from './inspect/effective-config.js';
export { ignoreFindings, type LintReport } from './inspect/ignore-findings.js';
export { lintConfig } from './inspect/lint-config.js';
export { LINT_RULES, type LintFinding } from './inspect/lint-finding.js';
export { listRoutes, type RouteRow } from './inspect/list-routes.js';
export {
  type ExpectationReport,
  runExpectations,
} from './inspect/run-expectations.js';
export { type OfflineGateway, offlineGateway } from './offline-explain.js';
export { type GatewayOptions, loadGatewayConfig } from './options.js';
export { routePathFault } from './routing/compile/check-pattern.js';
export { GatewayConfigSchema } from './routing/schema.js';

/** Servers and drivers are loaded when they are needed: most commands only read a config. */
export async function startGateway(options: GatewayOptions, deps?: GatewayDeps): Promise<Gateway> {
  const compose = await import('./compose.js');
  return compose.startGateway(options, deps);
}

export const runGateway: typeof run = async (options) => (await import('./main.js')).runGateway(options);
