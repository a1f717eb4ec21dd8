import type { AssumedCaller } from '../../../contracts/admin-explain.js';
import type { AccessRule } from '../../pipeline/access-rule.js';
import type { Route } from '../../pipeline/route.js';
import type { LoggedRequest } from './logged-request.js';

/**
 * What the log lets one say of a caller. `admitted`: met the rules of the route. `lacking`: a good token that did not.
 * `refused`: a token at fault. `none`: no credential. `unknown`: nobody looked.
 */
export type Standing = 'admitted' | 'lacking' | 'refused' | 'none' | 'unknown';

const LACKING = new Set(['insufficient_scope', 'insufficient_role', 'access_denied']);
const REFUSED = /^(token_|dpop_|api_key_invalid$|certificate_not_accepted$)/;
/** Said only after the caller was let in. */
const LATER = /^(upstream_|body_too_large$|identity_too_large$|request_timeout$)/;

/** `isSameRoute`: the log names the route that the old config has for the request. */
export function standingOf(
  { code }: LoggedRequest,
  before: Route | undefined,
  isSameRoute: boolean,
): Standing {
  if (before === undefined || before.access === 'public' || !isSameRoute) return 'unknown';
  if (code === undefined || LATER.test(code)) return 'admitted';
  if (code === 'credentials_missing') return 'none';
  if (LACKING.has(code)) return 'lacking';
  return REFUSED.test(code) ? 'refused' : 'unknown';
}

/** A caller who has what the log shows and no more; undefined for one without a good token. */
export function assumeLogged(
  standing: Standing,
  { issuer, subject = 'somebody' }: LoggedRequest,
  before: Route | undefined,
  params: Readonly<Record<string, string | undefined>>,
): AssumedCaller | undefined {
  if (standing !== 'admitted' && standing !== 'lacking') return undefined;
  const caller: AssumedCaller = { subject, ...(issuer !== undefined && { issuer }) };
  const rules = standing === 'admitted' && before?.access === 'protected' ? before.rules : [];
  return rules.reduce((had, rule) => meeting(had, rule, params), caller);
}

function meeting(
  caller: AssumedCaller,
  rule: AccessRule,
  params: Readonly<Record<string, string | undefined>>,
): AssumedCaller {
  const { scopes = [], roles = [], claims = {} } = caller;
  switch (rule.kind) {
    case 'scopes':
      return { ...caller, scopes: [...scopes, ...rule.all] };
    case 'any_scope':
      return { ...caller, scopes: [...scopes, ...rule.any] };
    case 'roles':
      return { ...caller, roles: [...roles, ...rule.any] };
    case 'services':
      return { ...caller, kind: 'service', subject: rule.subjects[0] ?? caller.subject };
    case 'claim':
      return withClaim({ ...caller, claims }, rule.claim, [...rule.oneOf]);
    case 'claim_is_param':
      return withClaim({ ...caller, claims }, rule.claim, params[rule.param] ?? '');
  }
}

/** `sub` is the subject itself; a list satisfies a rule by any of its items. */
function withClaim(
  caller: AssumedCaller & { claims: Record<string, unknown> },
  path: readonly string[],
  value: unknown,
): AssumedCaller {
  const [first = '', ...rest] = path;
  if (first === 'sub' && rest.length === 0) return { ...caller, subject: String([value].flat()[0]) };
  const nested = rest.reduceRight<unknown>((inner, step) => ({ [step]: inner }), value);
  return { ...caller, claims: { ...caller.claims, [first]: nested } };
}
