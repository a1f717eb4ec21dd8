import { Problem } from '../../contracts/problem.js';
import { canonicalPath } from './canonical-path.js';
import type { ProtectedRoute } from './route.js';
import type { Routed, Stripped } from './states.js';

/** Decides the path once and finds its route. 404 without one, 405 with `Allow` when the path has other methods. */
export function matchRoute(stripped: Stripped): Routed {
  const { path, query, hasEncodedSlash } = canonicalPath(stripped.request.target, stripped.host);
  const match = stripped.snapshot.routes.find(stripped.request.method, path);
  if (match === undefined) throw new Problem('route_not_found');
  if ('allow' in match)
    throw new Problem('method_not_allowed', { headers: { allow: match.allow.join(', ') } });
  if (hasEncodedSlash && !match.route.allowEncodedSlash) throw new Problem('path_invalid');
  return { ...stripped, route: match.route, path, query };
}

export function isProtected(routed: Routed): routed is Routed<ProtectedRoute> {
  return routed.route.access === 'protected';
}
