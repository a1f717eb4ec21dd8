import { WELL_KNOWN } from '../../../contracts/well-known.js';
import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { routeShape } from '../route-table.js';
import type { GatewayConfig } from '../schema.js';
import { checkName } from './check-name.js';
import { profileName, withHead } from './route-names.js';

export function checkRoutes(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const taken = new Map<string, number>();
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
    for (const method of withHead(route.methods)) {
      const key = `${method} ${routeShape(route.path)}`;
      const first = taken.get(key);
      if (first === undefined) taken.set(key, index);
      else if (first !== index) {
        const { line } = config.problem(['routes', first], '', '');
        const message = `${method} ${route.path} is taken by the route at line ${line}: remove one of them`;
        problems.push(config.problem([...at, 'path'], 'config_route_duplicate', message));
        break;
      }
    }
  }
  return problems;
}

const STATIC_SEGMENT = /^[A-Za-z0-9._~!$&'()+,=@-]+$/;
const PARAMETER = /^:[A-Za-z][A-Za-z0-9_]*$/;

function checkPattern(config: ConfigFile<GatewayConfig>, at: ConfigPath, pattern: string): ConfigProblem[] {
  const problem = (code: string, message: string): ConfigProblem[] => [config.problem(at, code, message)];
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
