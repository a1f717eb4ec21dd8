import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import type { GatewayConfig } from '../schema.js';
import { checkOrigins } from './check-origins.js';
import { effectiveRoute } from './effective-route.js';
import { withHead } from './route-names.js';

type Config = ConfigFile<GatewayConfig>;
type CorsConfig = NonNullable<NonNullable<GatewayConfig['defaults']>['cors']>;

/** CORS wherever it can stand. */
export function checkAllCors(config: Config): ConfigProblem[] {
  const { defaults, auth, routes } = config.value;
  return [
    ...checkCors(config, ['defaults', 'cors'], defaults?.cors),
    ...Object.entries(auth).flatMap(([name, { cors }]) => checkCors(config, ['auth', name, 'cors'], cors)),
    ...routes.flatMap(({ cors, methods }, index) => {
      const at: ConfigPath = ['routes', index, 'cors'];
      return cors === false
        ? []
        : [...checkCors(config, at, cors), ...checkMethods(config, at, cors, methods)];
    }),
  ];
}

function checkCors(config: Config, at: ConfigPath, cors: CorsConfig | undefined): ConfigProblem[] {
  if (cors === undefined) return [];
  const { origins, credentials } = cors;
  if (!origins.includes('*')) return checkOrigins(config, [...at, 'origins'], origins);
  if (origins.length > 1) {
    const message = '"*" is every page: leave out the others, or the star';
    return [config.problem([...at, 'origins'], 'config_cors', message)];
  }
  if (credentials !== true) return [];
  const message = 'with "*" any page could act as the user: list the pages that may use credentials';
  return [config.problem([...at, 'credentials'], 'config_cors', message)];
}

function checkMethods(
  config: Config,
  at: ConfigPath,
  cors: CorsConfig | undefined,
  methods: readonly string[],
): ConfigProblem[] {
  return (cors?.methods ?? []).flatMap((method, index) => {
    if (withHead(methods).includes(method)) return [];
    const message = `the route does not take ${method}: it takes ${methods.join(', ')}`;
    return [config.problem([...at, 'methods', index], 'config_cors', message)];
  });
}

/** A preflight does not show the headers of the request to come, so they cannot decide which CORS it gets. */
export function sameCors(config: GatewayConfig, first: number, second: number): boolean {
  const [one, other] = [first, second].map((index) => {
    const route = config.routes[index];
    return route === undefined ? undefined : JSON.stringify(effectiveRoute(route, config).cors);
  });
  return one === other;
}
