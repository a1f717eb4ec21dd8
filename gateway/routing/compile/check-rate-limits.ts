import type { ConfigFile, ConfigPath, ConfigProblem } from '../../../kit/config-file.js';
import { durationMs } from '../../../kit/units.js';
import type { RateLimitConfig } from '../schema/rate-limit.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { checkName } from './check-name.js';
import { effectiveRoute } from './effective-route.js';
import { listedLimits, OWN_LIMIT } from './rate-limits.js';

type Config = ConfigFile<GatewayConfig>;
type Limits = RouteConfig['rate_limit'];

/** Limits wherever they can stand, and what routes make of them. */
export function checkRateLimits(config: Config): ConfigProblem[] {
  const { rate_limits: named = {}, defaults, routes } = config.value;
  return [
    ...Object.entries(named).flatMap(([name, limit]) => [
      ...checkOwnName(config, name),
      ...checkLimit(config, ['rate_limits', name], limit),
    ]),
    ...checkLimits(config, ['defaults', 'rate_limit'], defaults?.rate_limit),
    ...routes.flatMap((route, index) => [
      ...checkLimits(config, ['routes', index, 'rate_limit'], route.rate_limit),
      ...checkPublic(config, ['routes', index, 'rate_limit'], route),
      ...checkCost(config, ['routes', index], route),
    ]),
  ];
}

function checkOwnName(config: Config, name: string): ConfigProblem[] {
  if (name !== OWN_LIMIT) return [];
  const message = `"${OWN_LIMIT}" is what clients read for a limit that stands on its route: choose another name`;
  return [config.problem(['rate_limits', name], 'config_rate_limit', message)];
}

function checkLimits(config: Config, at: ConfigPath, written: Limits): ConfigProblem[] {
  if (written === undefined || written === false) return [];
  const listed = [written].flat();
  return listed.flatMap((limit, index) => {
    const place = Array.isArray(written) ? [...at, index] : at;
    if (typeof limit !== 'string') return checkLimit(config, place, limit);
    if (listed.indexOf(limit) === index)
      return checkName(config, place, limit, config.value.rate_limits ?? {}, 'rate limit');
    return [config.problem(place, 'config_rate_limit', `"${limit}" is there twice: keep one`)];
  });
}

function checkLimit(config: Config, at: ConfigPath, { per, shared }: RateLimitConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (durationMs(per) === 0)
    problems.push(
      config.problem([...at, 'per'], 'config_rate_limit', 'no time at all is no window: write 1s, 1m …'),
    );
  if (shared === true && (config.value.revocation.redis_url ?? '') === '') {
    const message = 'gateways share a limit in Redis: set revocation.redis_url, or leave shared out';
    problems.push(config.problem([...at, 'shared'], 'config_rate_limit_redis', message));
  }
  return problems;
}

/** Nobody is known on a public route, so a limit of its own that counts by anybody would say what it does not do. */
function checkPublic(
  config: Config,
  at: ConfigPath,
  { auth, rate_limit: written }: RouteConfig,
): ConfigProblem[] {
  if (auth !== 'public' || written === undefined || written === false) return [];
  return [written].flat().flatMap((limit, index) => {
    if (typeof limit === 'string' || limit.by === undefined || limit.by === 'address') return [];
    const place = Array.isArray(written) ? [...at, index, 'by'] : [...at, 'by'];
    const message = `nobody is known on a public route: it counts by address, not by ${limit.by}`;
    return [config.problem(place, 'config_rate_limit', message)];
  });
}

/** What costs more than the burst would never be let through. */
function checkCost(config: Config, at: ConfigPath, route: RouteConfig): ConfigProblem[] {
  const listed = listedLimits(effectiveRoute(route, config.value));
  if (route.cost !== undefined && listed.length === 0) {
    const message = 'there is no rate limit that it could count in: set rate_limit, or leave cost out';
    return [config.problem([...at, 'cost'], 'config_rate_limit', message)];
  }
  const { cost = 1 } = route;
  return listed.flatMap((written) => {
    const limit = typeof written === 'string' ? config.value.rate_limits?.[written] : written;
    const burst = limit?.burst ?? limit?.requests ?? cost;
    if (cost <= burst) return [];
    const message = `a request that costs ${cost} never fits into a burst of ${burst}`;
    return [config.problem([...at, 'cost'], 'config_rate_limit', message)];
  });
}
