import type { AccessRule } from '../pipeline/access-rule.js';
import type { Route } from '../pipeline/route.js';
import { profileName } from '../routing/compile/route-names.js';
import type { RouteConfig } from '../routing/schema.js';

/** Who may use a route, in a few words: `public`, `caller: scopes orders:read`. */
export function describeAccess(route: Route, { auth }: RouteConfig): string {
  if (route.access === 'public') return 'public';
  const rules = route.rules.map(describeRule);
  const needs = rules.length === 0 ? '' : `: ${rules.join('; ')}`;
  return `${profileName(auth)}${needs}${route.reportOnly ? ' (report only)' : ''}`;
}

export function describeRule(rule: AccessRule): string {
  switch (rule.kind) {
    case 'scopes':
      return `scopes ${rule.all.join(' ')}`;
    case 'any_scope':
      return `one scope of ${rule.any.join(' ')}`;
    case 'roles':
      return `one role of ${rule.any.join(', ')}`;
    case 'services':
      return `services ${rule.subjects.join(' ')}`;
    case 'claim':
      return `${rule.claim.join('.')} = ${rule.oneOf.join(' or ')}`;
    case 'claim_is_param':
      return `${rule.claim.join('.')} = :${rule.param}`;
  }
}

/** Where a request goes: the upstream, or what the gateway answers by itself. */
export function describeDestination(route: Route): string {
  if (route.kind === 'forward') return route.upstream;
  return `${route.kind} ${route.answer.status}`;
}
