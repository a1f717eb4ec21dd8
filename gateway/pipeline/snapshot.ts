import type { HeaderList } from './header-list.js';
import type { Route } from './route.js';

/** One version of everything that config decides. Immutable; a reload makes a new one. */
export interface Snapshot {
  /** Short hash of the config that made it. */
  version: string;
  routes: RouteTable;
  /** Lower-case host names that are served, without port, `*.example.com` among them; undefined serves any. */
  hosts: ReadonlySet<string> | undefined;
  maxStalenessMs: number;
  /** Lower-case names of the custom identity headers of all routes: a client may send none of them, on any route. */
  reservedHeaders: ReadonlySet<string>;
}

export interface RouteTable {
  /** All routes, in the order of the config. */
  readonly all: readonly Route[];
  /** The route for a method and a canonical path, or the methods that the path has, or nothing. */
  find(method: string, path: string, request: RequestTraits): RouteMatch;
}

/** What else routes may go by. Looked at only where config says so. */
export interface RequestTraits {
  /** The `Host` as sent, checked for form. */
  host: string;
  /** Undefined where they are not known yet, as in a preflight: what routes want of them then counts as met. */
  headers: HeaderList | undefined;
  /** With its `?`, or empty. */
  query: string;
}

export interface FoundRoute {
  route: Route;
  params: Readonly<Record<string, string | undefined>>;
}

export type RouteMatch = FoundRoute | { allow: readonly string[] } | undefined;
