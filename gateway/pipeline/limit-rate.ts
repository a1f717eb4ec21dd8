import { Problem } from '../../contracts/problem.js';
import { advance } from './advance.js';
import type { RateLimiter, Standing } from './ports.js';
import { rateLimitKey } from './rate-limit-key.js';
import type { RateLimit } from './route.js';
import type { Admitted, Authorized } from './states.js';

const ADMITTED = { admitted: true } as const;

/**
 * Counts the request against its caller in every limit of the route. Throws `rate_limited` when one has no room, and
 * then counts in none. Either way the answer says how the caller stands (draft-ietf-httpapi-ratelimit-headers-11).
 */
export function limitRate(authorized: Authorized, limiter: RateLimiter): Admitted {
  const { rateLimits } = authorized.route;
  if (rateLimits === undefined) return advance(authorized, ADMITTED);
  const { limits, cost, policy } = rateLimits;
  const charges = limits.map((limit) => ({ limit, key: rateLimitKey(limit.by, authorized) }));
  const { admitted, standings } = limiter.take(charges, cost);
  const standing = limits.map((limit, index) => memberOf(limit, standings[index])).join(', ');
  if (!admitted) throw refusal(limits, standings, { 'ratelimit-policy': policy, ratelimit: standing });
  const told = ['ratelimit-policy', policy, 'ratelimit', standing];
  return advance(authorized, {
    admitted: true,
    responseHeaders: [...authorized.responseHeaders, ...told],
  });
}

/** `r` is what is left, `t` the seconds until there is more: room for another request, or, where there is, all of it. */
function memberOf({ name }: RateLimit, standing: Standing | undefined): string {
  if (standing === undefined) return `"${name}";r=0`;
  const { available, nextInMs, fullInMs } = standing;
  return `"${name}";r=${available};t=${Math.ceil((nextInMs > 0 ? nextInMs : fullInMs) / 1000)}`;
}

function refusal(
  limits: readonly RateLimit[],
  standings: readonly Standing[],
  headers: Record<string, string>,
): Problem {
  const waits = standings.map(({ nextInMs }) => nextInMs);
  const longestMs = Math.max(...waits);
  const fullest = limits[waits.indexOf(longestMs)]?.name ?? '';
  return new Problem('rate_limited', {
    headers: { ...headers, 'retry-after': String(Math.ceil(longestMs / 1000)) },
    reason: `rate_limit.${fullest}`,
  });
}
