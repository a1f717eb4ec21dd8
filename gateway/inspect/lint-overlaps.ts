import { hostName, wildcardOf } from '../pipeline/ports.js';
import type { Route } from '../pipeline/route.js';
import type { RouteTable } from '../pipeline/snapshot.js';
import { routeShape } from '../routing/path-table.js';
import { listText } from './config-change.js';
import { aboutRoute, type LintFinding } from './lint-finding.js';
import { hostOf, pathOf } from './sample-request.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Where a caller chooses the route, and with it whether a token is needed. */
export function lintOverlaps(table: RouteTable): LintFinding[] {
  return [...lintConditions(table.all), ...lintHosts(table)];
}

/** Headers and query are the caller's own: what they tell apart, the caller picks. */
function lintConditions(routes: readonly Route[]): LintFinding[] {
  const groups = new Map<string, Route[]>();
  for (const route of routes) {
    for (const method of route.methods) {
      for (const host of route.hosts.length === 0 ? [''] : route.hosts) {
        const key = `${method} ${host} ${routeShape(route.pattern)}`;
        groups.set(key, [...(groups.get(key) ?? []), route]);
      }
    }
  }
  const picked = new Map<Route, Route>();
  for (const group of groups.values()) {
    const guarded = group.find(({ access }) => access === 'protected');
    if (guarded === undefined) continue;
    for (const route of group) if (route.access === 'public') picked.set(route, guarded);
  }
  return [...picked].map(([route, { id, source }]) => {
    const message = `header and query are the caller's choice, so whoever wants to comes here and not to ${id} (${source}), which needs auth`;
    return aboutRoute('condition-picks-access', message, route);
  });
}

/** What the routes of a host do not take goes on to those of its wildcard, then to those of any host. */
function lintHosts(table: RouteTable): LintFinding[] {
  const findings = table.all.flatMap((route) => lintFallback(route, table));
  const seen = new Set<string>();
  for (const route of table.all) {
    for (const host of route.hosts) {
      const wider = table.all.filter((other) => isWider(other, host));
      if (seen.has(host) || wider.length === 0) continue;
      seen.add(host);
      const open = wider.filter(({ access }) => access === 'public').length;
      const message = `what ${host} has no route for is answered by the ${wider.length} routes of wider hosts, ${open} of them public`;
      findings.push(aboutRoute('host-fallback', message, route));
    }
  }
  return findings;
}

/** A protected route whose own paths a wider host serves to anybody, by another method or without its conditions. */
function lintFallback(route: Route, table: RouteTable): LintFinding[] {
  if (route.access === 'public') return [];
  const others = new Map<Route, string[]>();
  for (const host of route.hosts) {
    for (const method of METHODS) {
      const traits = { host: hostOf(host), headers: [], query: '' };
      const match = table.find(method, pathOf(route.pattern), traits);
      if (match === undefined || !('route' in match)) continue;
      const { route: other } = match;
      if (other.access === 'public' && isWider(other, host))
        others.set(other, [...(others.get(other) ?? []), method]);
    }
  }
  return [...others].map(([{ id, source }, methods]) => {
    const message = `${listText([...new Set(methods)])} of its paths goes to ${id} (${source}), which anybody may call`;
    return aboutRoute('host-fallback-public', message, route);
  });
}

function isWider({ hosts }: Route, host: string): boolean {
  if (hosts.includes(host)) return false;
  return hosts.length === 0 || (!host.startsWith('*') && hosts.includes(wildcardOf(hostName(host))));
}
