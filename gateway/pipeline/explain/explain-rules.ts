import { Problem } from '../../../contracts/problem.js';
import type { AccessRule } from '../access-rule.js';
import { type Caller, callerClaim } from '../caller.js';
import type { ProtectedRoute } from '../route.js';
import type { Authorized, Routed } from '../states.js';
import { listed } from './phrases.js';
import type { Facts, Trace } from './trace.js';

/** Has the pipeline's own verdict told apart by rule: it stops at the first that does not hold, and names it. */
export function explainRules(
  routed: Routed<ProtectedRoute>,
  caller: Caller,
  authorize: () => Authorized,
  trace: Trace,
): Authorized {
  const { rules } = routed.route;
  let refusal: unknown;
  let authorized: Authorized | undefined;
  try {
    authorized = authorize();
  } catch (error) {
    refusal = error;
  }
  for (const rule of rules) {
    const facts = ruleFacts(rule, caller, routed.params);
    if (refusal instanceof Problem && refusal.reason === rule.name)
      throw trace.failed(rule.name, facts, refusal);
    trace.passed(rule.name, facts);
  }
  if (authorized === undefined) throw trace.failed('rules', {}, refusal);
  return authorized;
}

function ruleFacts(rule: AccessRule, caller: Caller, params: Routed['params']): Facts {
  const { scopes, roles, subject, kind } = caller.identity;
  switch (rule.kind) {
    case 'scopes':
      return { expected: `all of ${listed(rule.all)}`, found: listed(scopes) };
    case 'any_scope':
      return { expected: `one of ${listed(rule.any)}`, found: listed(scopes) };
    case 'roles':
      return { expected: `one of ${listed(rule.any)}`, found: listed(roles) };
    case 'services':
      return { expected: `one of ${listed(rule.subjects)}`, found: `${kind} ${subject ?? ''}`.trim() };
    case 'claim':
      return {
        expected: `${rule.claim.join('.')} is ${rule.oneOf.length === 1 ? '' : 'one of '}${listed(rule.oneOf.map(String))}`,
        found: presence(callerClaim(caller, rule.claim)),
      };
    case 'claim_is_param':
      return {
        expected: `${rule.claim.join('.')} is the path's :${rule.param}, ${params[rule.param] ?? 'which is empty'}`,
        found: presence(callerClaim(caller, rule.claim)),
      };
  }
}

/** What kind of value it is and no more: claims that no identity header carries are not shown. */
function presence(claim: unknown): string {
  if (claim === undefined) return 'no such claim';
  if (Array.isArray(claim)) return `a list of ${claim.length}`;
  return typeof claim === 'string' ? 'a text' : `a ${claim === null ? 'null' : typeof claim}`;
}
