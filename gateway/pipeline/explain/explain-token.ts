import { Problem } from '../../../contracts/problem.js';
import { showDuration } from '../../../kit/units.js';
import { claimAt } from '../claim-path.js';
import { type Issuer, NO_TOKEN_TYPE } from '../issuer.js';
import { type ParsedToken, parseToken } from '../parse-token.js';
import type { Presented, Verified } from '../states.js';
import type { VerifiedTokenCache } from '../verified-token-cache.js';
import { verifyToken } from '../verify-token.js';
import { describeAge, describeLater, listed } from './phrases.js';
import type { Facts, Trace } from './trace.js';

/** How old the keys of an issuer are, by its name in config; undefined when nobody knows. */
export type KeySetAge = (issuerName: string) => number | undefined;

type Check = readonly [name: string, facts: Facts, isItsFault: (problem: Problem) => boolean];

/**
 * Verifies as the pipeline does, and tells the one verdict apart into the checks that it consists of: those before the
 * one that refused have passed, those after it were not reached.
 */
export async function explainToken(
  presented: Presented,
  cache: VerifiedTokenCache,
  keySetAge: KeySetAge,
  trace: Trace,
): Promise<Verified> {
  const checks = checksOf(presented, keySetAge);
  try {
    const verified = await verifyToken(presented, cache);
    for (const [name, facts] of checks) trace.passed(name, facts);
    return verified;
  } catch (error) {
    for (const [name, facts, isItsFault] of checks) {
      if (!(error instanceof Problem) || isItsFault(error)) throw trace.failed(name, facts, error);
      trace.passed(name, facts);
    }
    throw trace.failed('token', {}, error);
  }
}

const byCode =
  (...codes: string[]) =>
  ({ code }: Problem): boolean =>
    codes.includes(code);
const byReason =
  (...reasons: string[]) =>
  ({ code, reason }: Problem): boolean =>
    code === 'token_claims' && reasons.includes(reason ?? '');

function checksOf({ credential: { text }, route, receivedAt }: Presented, keySetAge: KeySetAge): Check[] {
  const form: Check = ['token form', { expected: 'a signed JWT' }, byCode('token_malformed', 'token_crit')];
  const token = parsed(text);
  if (token === undefined) return [form];
  const { header, payload } = token;
  const accepted = route.issuers;
  const issuer = accepted.find((candidate) => candidate.issuer === payload.iss);
  const issuerFacts = {
    expected: listed(accepted.map((candidate) => candidate.issuer)),
    found: said(payload.iss),
  };
  if (issuer === undefined) return [form, ['issuer', issuerFacts, () => true]];
  return [
    form,
    ['issuer', issuerFacts, byReason('claims.iss')],
    [
      'algorithm',
      { expected: listed(issuer.algorithms), found: said(header.alg) },
      (problem) => problem.code === 'token_alg' && !issuer.algorithms.includes(String(header.alg)),
    ],
    ['key', keyFacts(issuer, header.kid, keySetAge), byCode('token_kid', 'keys_unavailable', 'token_alg')],
    [
      'token type',
      { expected: listed(issuer.tokenTypes), found: said(header.typ ?? NO_TOKEN_TYPE) },
      byCode('token_type'),
    ],
    ['signature', { expected: `by the key, with ${listed(issuer.algorithms)}` }, byCode('token_signature')],
    [
      'times',
      timeFacts(payload, issuer, receivedAt),
      (problem) =>
        problem.code === 'token_expired' ||
        byReason('claims.exp', 'claims.iat', 'claims.nbf', 'claims.lifetime')(problem),
    ],
    ['audience', audienceFacts(payload.aud, issuer), byReason('claims.aud')],
    ['claims', claimFacts(payload, issuer), byCode('token_claims')],
  ];
}

function parsed(text: string): ParsedToken | undefined {
  try {
    return parseToken(text);
  } catch {
    return undefined;
  }
}

/** What a token says of itself, unless it is no short text. */
function said(value: unknown): string {
  if (typeof value !== 'string') return value === undefined ? 'none' : 'no text';
  return value.length > 256 ? 'a text of more than 256 characters' : value;
}

function keyFacts({ name, keys }: Issuer, kid: unknown, keySetAge: KeySetAge): Facts {
  const ageMs = keySetAge(name);
  const age = ageMs === undefined ? 'never had' : `had ${describeAge(ageMs)}`;
  const named = typeof kid === 'string' ? keys.find(kid) : keys.find(undefined);
  const state =
    typeof kid === 'string' && keys.isRevoked(kid)
      ? 'revoked'
      : named === undefined
        ? 'not among them'
        : 'held';
  return {
    expected: `one of the keys of ${name} (${keys.available ? age : 'none that can be used'})`,
    found: `${kid === undefined ? 'no key id' : said(kid)}: ${state}`,
  };
}

function timeFacts(payload: ParsedToken['payload'], issuer: Issuer, nowMs: number): Facts {
  const at = (name: string): string | undefined => {
    const value = payload[name];
    return typeof value === 'number' ? `${name} ${describeLater(value * 1000 - nowMs)}` : undefined;
  };
  return {
    expected: `now within the token's life, ${issuer.leewayS} s allowed; at most ${showDuration(issuer.maxLifetimeS * 1000)} long`,
    found: ['iat', 'nbf', 'exp'].flatMap((name) => at(name) ?? []).join(', ') || 'none',
  };
}

/** An audience is told only when it is ours: others are nobody's business here. */
function audienceFacts(audience: unknown, issuer: Issuer): Facts {
  const values = [audience].flat();
  const ours = issuer.audiences.filter((wanted) => values.includes(wanted));
  const others = `${audience === undefined ? 'no' : values.length} value${values.length === 1 ? '' : 's'}, none of them ours`;
  return { expected: listed(issuer.audiences), found: ours.length > 0 ? listed(ours) : others };
}

function claimFacts(payload: ParsedToken['payload'], issuer: Issuer): Facts {
  const mandatory = issuer.own
    ? (['subject', 'client', 'session', 'tokenId'] as const)
    : (['subject'] as const);
  const missing = mandatory
    .filter((name) => claimAt(payload, issuer.claims[name]) === undefined)
    .map((name) => issuer.claims[name].join('.'));
  return {
    expected: `${listed(mandatory.map((name) => issuer.claims[name].join('.')))} and well-formed values`,
    found: missing.length > 0 ? `no ${listed(missing)}` : undefined,
  };
}
