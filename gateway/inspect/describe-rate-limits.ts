import { showDuration } from '../../kit/units.js';
import type { RouteRateLimits } from '../pipeline/route.js';

/** `api: 1000 in 1m by client, 50 at once, shared; costs 5` */
export function describeRateLimits({ limits, cost }: RouteRateLimits): string {
  const each = limits.map(({ name, requests, perMs, burst, by, shared }) => {
    const further = `${burst === requests ? '' : `, ${burst} at once`}${shared ? ', shared' : ''}`;
    return `${name}: ${requests} in ${showDuration(perMs)} by ${by}${further}`;
  });
  return `${each.join('; ')}${cost === 1 ? '' : `; costs ${cost}`}`;
}
