import { durationMs } from '../../../kit/units.js';
import type { RateLimit, RouteRateLimits } from '../../pipeline/route.js';
import type { RateLimitConfig } from '../schema/rate-limit.js';
import type { GatewayConfig } from '../schema.js';
import type { EffectiveRoute } from './effective-route.js';

/** What the gateway alone says where a route has a limit: an upstream's would read as one list with ours. */
export const RATE_LIMIT_HEADERS = ['ratelimit', 'ratelimit-policy'];

/** How a limit is called that stands on its route; no limit under `rate_limits` can be called that. */
export const OWN_LIMIT = 'route';

/** The limits of a route, as names and as they stand; in the order of the config. */
export function listedLimits({ rate_limit: written }: EffectiveRoute): readonly (string | RateLimitConfig)[] {
  return written === undefined ? [] : [written].flat();
}

/** Undefined without any. The names are all there: the checks have seen to it. */
export function compileRateLimits(
  route: EffectiveRoute,
  routeId: string,
  config: GatewayConfig,
): RouteRateLimits | undefined {
  const limits = listedLimits(route).flatMap((written, index) => {
    if (typeof written !== 'string') {
      const name = index === 0 ? OWN_LIMIT : `${OWN_LIMIT}.${index + 1}`;
      return compileLimit(written, name, `${routeId}#${index}`);
    }
    const named = config.rate_limits?.[written];
    return named === undefined ? [] : compileLimit(named, written, written);
  });
  if (limits.length === 0) return undefined;
  return { limits, cost: route.cost ?? 1, policy: limits.map(policyOf).join(', ') };
}

function compileLimit(written: RateLimitConfig, name: string, place: string): RateLimit {
  const { requests, burst = requests, by = 'subject', shared = false } = written;
  const perMs = durationMs(written.per);
  // Other numbers are another limit: what somebody owes to the old one would take its window to be paid back.
  return { name, id: `${place}\n${requests}/${perMs}/${burst}/${by}`, requests, perMs, burst, by, shared };
}

/** Structured fields (RFC 9651) of draft-ietf-httpapi-ratelimit-headers-11: windows are whole seconds, or not told. */
function policyOf({ name, requests, perMs }: RateLimit): string {
  const window = perMs % 1000 === 0 ? `;w=${perMs / 1000}` : '';
  return `"${name}";q=${requests}${window}`;
}
