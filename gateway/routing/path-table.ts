import findMyWay, { type HTTPMethod } from 'find-my-way';
import type { Route } from '../pipeline/route.js';
import type { RequestTraits, RouteMatch } from '../pipeline/snapshot.js';
import { Candidates } from './candidates.js';

/** Looked up when the method has no route, to tell 405 from 404. */
const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export interface PathTable {
  find(method: string, path: string, request: RequestTraits): RouteMatch;
}

/**
 * The routes of one host over find-my-way: a radix tree, so the cost does not grow with the number of routes. Static
 * segments win over parameters, parameters over wildcards, whatever the order in config. Case and trailing slashes
 * count. Only where a method and a path have several routes are these looked at one by one.
 */
export function createPathTable(routes: readonly Route[]): PathTable {
  const router = findMyWay({
    caseSensitive: true,
    ignoreTrailingSlash: false,
    ignoreDuplicateSlashes: false,
    // A parameter past a bound would make the path another route's; `limits.header_bytes` bounds the whole of it.
    maxParamLength: Number.MAX_SAFE_INTEGER,
  });
  for (const { method, same } of byMethodAndShape(routes)) {
    const [only] = same;
    const store = same.length === 1 && only.conditions.length === 0 ? only : new Candidates(same);
    // The handler is never called: `find` gives the store, which is the route or the candidates.
    router.on(method as HTTPMethod, only.pattern, () => undefined, store);
  }
  const lookup = (method: string, path: string) => router.find(method as HTTPMethod, path) ?? undefined;

  return {
    find(method, path, request) {
      const found = lookup(method, path);
      if (found !== undefined) {
        const store = found.store as Route | Candidates;
        const route = store instanceof Candidates ? store.pick(request) : store;
        return route === undefined ? undefined : { route, params: found.params };
      }
      const allow = ALL_METHODS.filter((other) => lookup(other, path) !== undefined);
      return allow.length > 0 ? { allow } : undefined;
    },
  };
}

interface SameShape {
  method: string;
  same: [Route, ...Route[]];
}

function byMethodAndShape(routes: readonly Route[]): Iterable<SameShape> {
  const groups = new Map<string, SameShape>();
  for (const route of routes) {
    for (const method of route.methods) {
      const key = `${method} ${routeShape(route.pattern)}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { method, same: [route] });
      else group.same.push(route);
    }
  }
  return groups.values();
}

/** Two patterns of the same shape match the same paths: parameter names make no difference. */
export function routeShape(pattern: string): string {
  return pattern
    .split('/')
    .map((segment) => (segment.startsWith(':') ? ':' : segment))
    .join('/');
}
