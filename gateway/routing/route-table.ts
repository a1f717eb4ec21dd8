import { hostName, wildcardOf } from '../pipeline/ports.js';
import type { Route } from '../pipeline/route.js';
import type { RouteTable } from '../pipeline/snapshot.js';
import { createPathTable, type PathTable } from './path-table.js';

/**
 * An immutable table. The host decides first: the routes that name it, then those under its wildcard, then those of any
 * host; among them the path, then headers and query. Without hosts in config there is one table, and no host is read.
 */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const anyHost = createPathTable(routes.filter(({ hosts }) => hosts.length === 0));
  const byHost = tablesByHost(routes);
  if (byHost.size === 0) return { all: routes, find: anyHost.find };

  return {
    all: routes,
    find(method, path, request) {
      const name = hostName(request.host);
      const allow = new Set<string>();
      for (const table of [byHost.get(name), byHost.get(wildcardOf(name)), anyHost]) {
        const match = table?.find(method, path, request);
        if (match === undefined) continue;
        if ('route' in match) return match;
        for (const other of match.allow) allow.add(other);
      }
      return allow.size > 0 ? { allow: [...allow] } : undefined;
    },
  };
}

function tablesByHost(routes: readonly Route[]): ReadonlyMap<string, PathTable> {
  const named = new Map<string, Route[]>();
  for (const route of routes) {
    for (const host of route.hosts) {
      const same = named.get(host);
      if (same === undefined) named.set(host, [route]);
      else same.push(route);
    }
  }
  return new Map([...named].map(([host, same]) => [host, createPathTable(same)]));
}
