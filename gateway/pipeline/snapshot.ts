import type { Route } from './route.js';

/** One version of everything that config decides. Immutable; a reload makes a new one. */
export interface Snapshot {
  /** Short hash of the config that made it. */
  version: string;
  routes: RouteTable;
  maxStalenessMs: number;
}

export interface RouteTable {
  /** The route for a method and a canonical path, or the methods that the path has, or nothing. */
  find(method: string, path: string): RouteMatch;
}

export type RouteMatch = { route: Route } | { allow: readonly string[] } | undefined;
