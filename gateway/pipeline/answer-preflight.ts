import { Problem } from '../../contracts/problem.js';
import { allowedOrigin } from './cors-policy.js';
import { headerValues } from './headers.js';
import { routed } from './match-route.js';
import type { OwnAnswer } from './ports.js';
import type { Located, Routed } from './states.js';

/**
 * The route that a browser's preflight is about: that of the method which it announces. A preflight carries no
 * credential by design, so it is answered before any is asked for. Undefined for every other request, and where the
 * route has no CORS: then it is an OPTIONS like any other.
 */
export function matchPreflight(located: Located): Routed | undefined {
  const { request, headers, snapshot, path, host, query } = located;
  if (request.method !== 'OPTIONS') return undefined;
  const [announced] = headerValues(headers, 'access-control-request-method');
  if (announced === undefined || headerValues(headers, 'origin').length === 0) return undefined;
  // It does not show the headers of the request to come: routes that differ in those have the same CORS.
  const match = snapshot.routes.find(announced, path, { host, headers: undefined, query });
  if (match === undefined || !('route' in match) || match.route.cors === undefined) return undefined;
  return routed(located, match);
}

export function answerPreflight({ route, headers }: Routed): OwnAnswer {
  if (route.cors === undefined || allowedOrigin(route.cors, headers) === undefined)
    throw new Problem('origin_not_allowed', { reason: 'cors.origin' });
  return { status: 204, headers: route.cors.preflight, body: '' };
}
