import { showDuration } from '../../../kit/units.js';
import { describeKey } from '../rate-limit-key.js';
import type { Authorized } from '../states.js';
import { listed } from './phrases.js';
import type { Facts } from './trace.js';

/** The limits that hold, and by what this caller would be counted. An explanation itself counts for nothing. */
export function rateLimitFacts(authorized: Authorized): Facts {
  const { route } = authorized;
  if (route.rateLimits === undefined) return { expected: 'no limit', found: 'not counted' };
  const { limits, cost } = route.rateLimits;
  const expected = limits.map(
    ({ name, requests, perMs }) => `${name}: ${requests} in ${showDuration(perMs)}`,
  );
  const by = [...new Set(limits.map((limit) => describeKey(limit.by, authorized)))];
  return {
    expected: listed(expected),
    found: `counted by ${listed(by)}, ${cost} a request; not counted now`,
  };
}
