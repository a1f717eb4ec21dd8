import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { compareConditions } from '../compare-conditions.js';
import { routeShape } from '../path-table.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { sameCors } from './check-cors.js';
import { compileConditions, hostsOf } from './route-conditions.js';
import { withHead } from './route-names.js';

type Config = ConfigFile<GatewayConfig>;

/** For every request there is one route at most, and nothing depends on the order in the file. */
export function checkConflicts(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const taken = new Map<string, number[]>();
  for (const [index, route] of config.value.routes.entries()) {
    const reported = new Set<number>();
    for (const { method, key } of keysOf(route)) {
      const earlier = taken.get(key) ?? [];
      for (const first of earlier.filter((other) => other !== index && !reported.has(other))) {
        const problem = conflict(config, method, first, index);
        if (problem === undefined) continue;
        problems.push(problem);
        reported.add(first);
      }
      taken.set(key, [...earlier, index]);
    }
  }
  return problems;
}

function keysOf(route: RouteConfig): { method: string; key: string }[] {
  const hosts = route.hosts === undefined ? [''] : hostsOf(route);
  const shape = routeShape(route.path);
  return withHead(route.methods).flatMap((method) =>
    hosts.map((host) => ({ method, key: `${method} ${host} ${shape}` })),
  );
}

function conflict(config: Config, method: string, first: number, second: number): ConfigProblem | undefined {
  const one = config.value.routes[first];
  const other = config.value.routes[second];
  if (one === undefined || other === undefined) return undefined;
  const at: ConfigPath = ['routes', second, 'path'];
  const { file, line } = config.place(['routes', first]);
  const place = `${file}:${line}`;
  switch (compareConditions(compileConditions(one), compileConditions(other))) {
    case 'same': {
      const message = `${method} ${other.path} is taken by the route at ${place}: remove one of them`;
      return config.problem(at, 'config_route_duplicate', message);
    }
    case 'overlap': {
      const message =
        `a request can meet the headers and query of this route and of the one at ${place}, and neither is ` +
        `the narrower: let one of them ask for what the other asks for too, or for its absence ({ present: false })`;
      return config.problem(at, 'config_route_ambiguous', message);
    }
    case 'apart':
    case 'narrower':
    case 'wider': {
      const goByHeaders = one.headers !== undefined || other.headers !== undefined;
      if (one.path === other.path) {
        if (!goByHeaders || sameCors(config.value, first, second)) return undefined;
        const message = `a preflight shows no headers, so this route and the one at ${place} need the same cors`;
        return config.problem(at, 'config_cors', message);
      }
      const message = `the route at ${place} writes this path as ${one.path}: name the parameters alike`;
      return config.problem(at, 'config_route_parameters', message);
    }
  }
}
