import type { Route } from '../pipeline/route.js';
import type { RouteMatch, RouteTable } from '../pipeline/snapshot.js';
import { routeShape } from '../routing/path-table.js';

/** A request that stands for all that a pattern takes, so that two tables can be asked about the same thing. */
export interface SampleRequest {
  /** `GET api.example.com/orders/:id`: what it stands for. */
  name: string;
  method: string;
  path: string;
  host: string;
  headers: readonly string[];
  query: string;
}

/** No config names such a segment or host. */
const ANY = 'any~thing';
const ANY_HOST = 'any.invalid';

/** One for each method and host of each route. Those that two routes share come once. */
export function sampleRequests(routes: readonly Route[]): SampleRequest[] {
  const samples = new Map<string, SampleRequest>();
  for (const route of routes) {
    for (const method of route.methods) {
      for (const host of route.hosts.length === 0 ? [undefined] : route.hosts) {
        const sample = sampleOf(route, method, host);
        const key = JSON.stringify([method, host, routeShape(route.pattern), sample.headers, sample.query]);
        if (!samples.has(key)) samples.set(key, sample);
      }
    }
  }
  return [...samples.values()];
}

/** The route that a table has for it. */
export function routeFor(table: RouteTable, { method, path, ...traits }: SampleRequest): Route | undefined {
  const match: RouteMatch = table.find(method, path, traits);
  return match !== undefined && 'route' in match ? match.route : undefined;
}

/** A path that the pattern takes, and that no other pattern names. */
export const pathOf = (pattern: string): string =>
  pattern
    .split('/')
    .map((segment) => (/^(:|\*$)/.test(segment) ? ANY : segment))
    .join('/');

/** A host that stands for what config has. */
export const hostOf = (host: string | undefined): string => (host ?? ANY_HOST).replace(/^\*/, 'any');

/** What a request has to show, besides method and path, to come to the route. Without one: nothing but the host. */
export function traitsOf(
  route: Route | undefined,
  defaultHost: string,
): Pick<SampleRequest, 'host' | 'headers' | 'query'> {
  const headers: string[] = [];
  const query = new URLSearchParams();
  for (const { part, name, needs } of route?.conditions ?? []) {
    if (needs === 'absent') continue;
    const value = needs === 'present' ? ANY : needs.value;
    if (part === 'header') headers.push(name, value);
    else query.append(name, value);
  }
  const [host] = route?.hosts ?? [];
  return {
    host: host === undefined ? defaultHost : hostOf(host),
    headers,
    query: query.size === 0 ? '' : `?${query.toString()}`,
  };
}

function sampleOf(route: Route, method: string, host: string | undefined): SampleRequest {
  const [, conditions = ''] = /(?: (\[.*\]))?$/.exec(route.id) ?? [];
  return {
    ...traitsOf(route, ANY_HOST),
    name: `${method} ${host ?? ''}${route.pattern} ${conditions}`.trim(),
    method,
    path: pathOf(route.pattern),
    host: hostOf(host),
  };
}
