import { closest } from '../../../kit/closest.js';
import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { checkDestination } from './check-destination.js';
import { checkName } from './check-name.js';
import { checkOrigins } from './check-origins.js';
import { parametersOf, routePathFault } from './check-pattern.js';
import { checkTimeouts } from './check-upstream-bounds.js';
import { profileName } from './route-names.js';

export function checkRoutes(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [index, route] of config.value.routes.entries()) {
    const at: ConfigPath = ['routes', index];
    problems.push(...checkPattern(config, [...at, 'path'], route.path));
    problems.push(...checkDestination(config, at, route));
    problems.push(...checkTimeouts(config, at, route));
    if (route.auth !== 'public') {
      problems.push(
        ...checkName(config, [...at, 'auth'], profileName(route.auth), config.value.auth, 'auth profile'),
      );
    }
    problems.push(...checkOrigins(config, [...at, 'origins'], route.origins ?? []));
    problems.push(...checkParameters(config, at, route));
    if (route.forward_certificate === true && config.value.listen.tls?.client_ca === undefined) {
      const message = 'nobody is asked for a certificate: set listen.tls.client_ca';
      problems.push(config.problem([...at, 'forward_certificate'], 'config_certificate_ca', message));
    }
  }
  return problems;
}

/** A rule about a parameter that the path does not have would refuse everybody. */
function checkParameters(
  config: ConfigFile<GatewayConfig>,
  at: ConfigPath,
  route: RouteConfig,
): ConfigProblem[] {
  if (route.auth === 'public') return [];
  const profile = profileName(route.auth);
  const parameters = parametersOf(route.path).filter((name) => name !== '*');
  const rules = [
    ...Object.entries(config.value.auth[profile]?.claims ?? {}),
    ...Object.entries(typeof route.auth === 'string' ? {} : (route.auth.claims ?? {})),
  ];
  return rules.flatMap(([claim, rule]) => {
    if (typeof rule !== 'object' || !('param' in rule) || parameters.includes(rule.param)) return [];
    const guess = closest(rule.param, parameters);
    const known =
      parameters.length === 0 ? 'it has none' : `known: ${parameters.map((name) => `:${name}`).join(', ')}`;
    const message =
      `the rule for ${claim} needs the path parameter :${rule.param}, which ${route.path} does not have: ` +
      (guess === undefined ? known : `did you mean "${guess}"?`);
    return [config.problem([...at, 'auth'], 'config_rule_param', message)];
  });
}

function checkPattern(config: ConfigFile<GatewayConfig>, at: ConfigPath, pattern: string): ConfigProblem[] {
  const fault = routePathFault(pattern);
  return fault === undefined ? [] : [config.problem(at, ...fault)];
}
