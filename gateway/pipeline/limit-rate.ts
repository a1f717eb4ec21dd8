import { Problem } from '../../contracts/problem.js';
import type { RateLimiter } from './ports.js';
import type { Admitted, Authorized } from './states.js';

/** Counts the request against its caller: the subject where there is one, else the address. */
export function limitRate(authorized: Authorized, limiter: RateLimiter): Admitted {
  const { route, identity, request } = authorized;
  if (route.rateLimit !== undefined) {
    const caller =
      identity.subject === undefined ? request.remoteAddress : `${identity.issuer} ${identity.subject}`;
    const { retryAfterMs } = limiter.take(`${route.id} ${caller}`, route.rateLimit);
    if (retryAfterMs > 0) {
      throw new Problem('rate_limited', {
        headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
      });
    }
  }
  return { ...authorized, admitted: true };
}
