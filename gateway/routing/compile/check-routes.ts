import type { ConfigCode } from '../../../contracts/config-problems.js';
import { WELL_KNOWN } from '../../../contracts/well-known.js';
import { closest } from '../../../kit/closest.js';
import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { checkName } from './check-name.js';
import { checkOrigins } from './check-origins.js';
import { profileName } from './route-names.js';

export function checkRoutes(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [index, route] of config.value.routes.entries()) {
    const at: ConfigPath = ['routes', index];
    problems.push(...checkPattern(config, [...at, 'path'], route.path));
    problems.push(
      ...checkName(config, [...at, 'upstream'], route.upstream, config.value.upstreams, 'upstream'),
    );
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
  const parameters = route.path
    .split('/')
    .filter((segment) => segment.startsWith(':'))
    .map((segment) => segment.slice(1));
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

const STATIC_SEGMENT = /^[A-Za-z0-9._~!$&'()+,=@-]+$/;
const PARAMETER = /^:[A-Za-z][A-Za-z0-9_]*$/;

function checkPattern(config: ConfigFile<GatewayConfig>, at: ConfigPath, pattern: string): ConfigProblem[] {
  const problem = (code: ConfigCode, message: string): ConfigProblem[] => [config.problem(at, code, message)];
  if (`${pattern}/`.startsWith(WELL_KNOWN.gatewayPrefix)) {
    return problem('config_route_reserved', `${WELL_KNOWN.gatewayPrefix} is the gateway\u2019s own`);
  }
  const segments = pattern.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (isLast && (segment === '' || segment === '*')) continue;
    if (segment === '.' || segment === '..' || !(STATIC_SEGMENT.test(segment) || PARAMETER.test(segment))) {
      const message = `"${segment}" in ${pattern} is no path segment: use plain text, :name, or * as the last one`;
      return problem('config_route_path', message);
    }
  }
  return [];
}
