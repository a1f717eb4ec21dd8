import findMyWay, { type HTTPMethod } from 'find-my-way';
import type { Route } from '../pipeline/route.js';
import type { RouteTable } from '../pipeline/snapshot.js';

/** Looked up when the method has no route, to tell 405 from 404. */
const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/**
 * An immutable table over find-my-way: a radix tree, so the cost does not grow with the number of routes. Static
 * segments win over parameters, parameters over wildcards, whatever the order in config. Case and trailing slashes
 * count.
 */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const router = findMyWay({
    caseSensitive: true,
    ignoreTrailingSlash: false,
    ignoreDuplicateSlashes: false,
    maxParamLength: 8192,
  });
  for (const route of routes) {
    // The handler is never called: `find` gives the store, which is the route.
    router.on(route.methods as HTTPMethod[], route.pattern, () => undefined, route);
  }
  const lookup = (method: string, path: string) => router.find(method as HTTPMethod, path) ?? undefined;

  return {
    all: routes,
    find(method, path) {
      const found = lookup(method, path);
      if (found !== undefined) return { route: found.store as Route, params: found.params };
      const allow = ALL_METHODS.filter((other) => lookup(other, path) !== undefined);
      return allow.length > 0 ? { allow } : undefined;
    },
  };
}

/** Two patterns of the same shape match the same paths: parameter names make no difference. */
export function routeShape(pattern: string): string {
  return pattern
    .split('/')
    .map((segment) => (segment.startsWith(':') ? ':' : segment))
    .join('/');
}
