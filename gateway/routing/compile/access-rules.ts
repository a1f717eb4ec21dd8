import { SERVICE_SUBJECT_PREFIX } from '../../../contracts/access-token.js';
import type { AccessRule } from '../../pipeline/access-rule.js';
import type { AuthProfileConfig } from '../schema.js';
import { claimSteps } from './claim-steps.js';

export type AccessRulesConfig = Pick<
  AuthProfileConfig,
  'scopes' | 'any_scope' | 'roles' | 'services' | 'claims'
>;

/** A profile's rules and its route's, all of which have to hold: a route narrows its profile and never widens it. */
export function compileRules(
  profileName: string,
  profile: AccessRulesConfig,
  route: AccessRulesConfig,
): AccessRule[] {
  // One rule for all scopes, so that a refusal names all that are needed (RFC 6750 section 3).
  const all = [...new Set([...(profile.scopes ?? []), ...(route.scopes ?? [])])];
  return [
    ...(all.length > 0 ? [{ name: 'scopes', kind: 'scopes' as const, all }] : []),
    ...rulesOf(`auth.${profileName}`, profile),
    ...rulesOf('route', route),
  ];
}

function rulesOf(
  owner: string,
  { any_scope, roles, services, claims = {} }: AccessRulesConfig,
): AccessRule[] {
  const rules: AccessRule[] = [];
  if (any_scope !== undefined) rules.push({ name: `${owner}.any_scope`, kind: 'any_scope', any: any_scope });
  if (roles !== undefined) rules.push({ name: `${owner}.roles`, kind: 'roles', any: roles });
  if (services !== undefined) {
    const subjects = services.map((service) => SERVICE_SUBJECT_PREFIX + service);
    rules.push({ name: `${owner}.services`, kind: 'services', subjects });
  }
  for (const [text, wanted] of Object.entries(claims)) {
    const name = `${owner}.claims.${text}`;
    const claim = claimSteps(text);
    if (typeof wanted !== 'object') rules.push({ name, kind: 'claim', claim, oneOf: [wanted] });
    else if ('one_of' in wanted) rules.push({ name, kind: 'claim', claim, oneOf: wanted.one_of });
    else rules.push({ name, kind: 'claim_is_param', claim, param: wanted.param });
  }
  return rules;
}
