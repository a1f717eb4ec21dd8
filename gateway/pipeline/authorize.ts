import { Problem } from '../../contracts/problem.js';
import type { AccessRule, Scalar } from './access-rule.js';
import { advance } from './advance.js';
import { ANONYMOUS, type Caller, callerClaim } from './caller.js';
import type { ProtectedRoute } from './route.js';
import type { Authorized, Bound, Identified, Routed } from './states.js';

/** The verified caller of a token, if the route's rules admit them. */
export function authorize(bound: Bound): Authorized {
  const caller = bound.callers.by(bound.credential);
  checkRules(bound, caller);
  return advance(bound, { caller, identity: caller.identity });
}

/** The same for who comes with a client certificate and no token. */
export function authorizeCertificate(identified: Identified): Authorized {
  const { caller } = identified;
  checkRules(identified, caller);
  return advance(identified, { identity: caller.identity });
}

/** A public route: the caller is nobody, whatever they sent. */
export function authorizeAnyone(routed: Routed): Authorized {
  return advance(routed, { caller: ANONYMOUS, identity: ANONYMOUS.identity });
}

function checkRules({ route, params }: Routed<ProtectedRoute>, caller: Caller): void {
  for (const rule of route.rules) if (!holds(rule, caller, params)) throw refusal(rule);
}

function holds(rule: AccessRule, caller: Caller, params: Routed['params']): boolean {
  const { scopes, roles, kind, subject } = caller.identity;
  switch (rule.kind) {
    case 'scopes':
      return rule.all.every((scope) => scopes.includes(scope));
    case 'any_scope':
      return rule.any.some((scope) => scopes.includes(scope));
    case 'roles':
      return rule.any.some((role) => roles.includes(role));
    case 'services':
      return kind === 'service' && subject !== undefined && rule.subjects.includes(subject);
    case 'claim': {
      const values = valuesOf(callerClaim(caller, rule.claim));
      return rule.oneOf.some((wanted) => values.includes(wanted));
    }
    case 'claim_is_param': {
      const param = params[rule.param];
      return param !== undefined && param !== '' && textsOf(callerClaim(caller, rule.claim)).includes(param);
    }
  }
}

const valuesOf = (claim: unknown): readonly unknown[] =>
  Array.isArray(claim) ? (claim as unknown[]) : [claim];

/** What a path parameter can equal: text, and whole numbers as they are written. */
function textsOf(claim: unknown): readonly (Scalar | undefined)[] {
  return valuesOf(claim).map((value) => {
    if (Number.isSafeInteger(value)) return String(value);
    return typeof value === 'string' ? value : undefined;
  });
}

/** The client learns no more than RFC 6750 section 3.1 allows; log and metric name the rule. */
function refusal(rule: AccessRule): Problem {
  const reason = rule.name;
  switch (rule.kind) {
    case 'scopes':
      return new Problem('insufficient_scope', { scope: rule.all.join(' '), reason });
    case 'any_scope':
      return new Problem('insufficient_scope', { scope: rule.any.join(' '), reason });
    case 'roles':
      return new Problem('insufficient_role', { reason });
    case 'services':
    case 'claim':
    case 'claim_is_param':
      return new Problem('access_denied', { reason });
  }
}
