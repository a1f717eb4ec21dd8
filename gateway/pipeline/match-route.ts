import { Problem } from '../../contracts/problem.js';
import { advance } from './advance.js';
import { canonicalPath } from './canonical-path.js';
import { responseHeadersOf } from './cors-policy.js';
import type { ProtectedRoute } from './route.js';
import type { FoundRoute } from './snapshot.js';
import type { Located, Routed, Stripped } from './states.js';

/** Decides the path, once. */
export function locate(stripped: Stripped): Located {
  return advance(stripped, canonicalPath(stripped.request.target, stripped.host));
}

/** The route of a path. 404 without one, 405 with `Allow` when the path has other methods. */
export function matchRoute(located: Located): Routed {
  const match = located.snapshot.routes.find(located.request.method, located.path, located);
  if (match === undefined) throw new Problem('route_not_found');
  if ('allow' in match)
    throw new Problem('method_not_allowed', { headers: { allow: match.allow.join(', ') } });
  return routed(located, match);
}

export function routed(located: Located, { route, params }: FoundRoute): Routed {
  if (located.hasEncodedSlash && !route.allowEncodedSlash) throw new Problem('path_invalid');
  return advance(located, { route, params, responseHeaders: responseHeadersOf(route, located.headers) });
}

export function isProtected(routed: Routed): routed is Routed<ProtectedRoute> {
  return routed.route.access === 'protected';
}
