import { Problem } from '../../contracts/problem.js';
import { claimAt } from './claim-path.js';
import type { ClaimPath, Issuer } from './issuer.js';
import type { VerifiedToken } from './states.js';
import type { JsonObject } from './strict-json.js';

/** Longer than any real subject or id, short enough for the identity headers' 8 KiB. */
const MAX_TEXT_LENGTH = 1024;

/**
 * The claims of a token whose signature has been verified (RFC 9068 section 4, RFC 8725 section 3). Throws
 * `token_expired`, or `token_claims` for anything missing, of the wrong type, or not for us.
 */
export function checkClaims(
  payload: JsonObject,
  issuer: Issuer,
  keyId: string,
  nowMs: number,
): VerifiedToken {
  const { expiresAt, issuedAt } = checkTimes(payload, issuer, nowMs);
  checkAudience(payload.aud, issuer);
  const at = (path: ClaimPath): unknown => claimAt(payload, path);
  const { claims: paths, own } = issuer;
  const token: VerifiedToken = {
    issuer: issuer.issuer,
    subject: required(optionalText(at(paths.subject), 'subject'), 'subject'),
    expiresAt,
    issuedAt,
    client: optionalText(at(paths.client), 'client'),
    session: optionalText(at(paths.session), 'session'),
    tokenId: optionalText(at(paths.tokenId), 'token_id'),
    version: own ? version(payload.ver) : undefined,
    keyId,
    scopes: Object.freeze(scopeList(at(paths.scopes))),
    roles: Object.freeze(roleList(at(paths.roles), own)),
    claims: payload,
  };
  if (own) {
    required(token.client, 'client');
    required(token.session, 'session');
    required(token.tokenId, 'token_id');
    required(token.issuedAt, 'iat');
  }
  return Object.freeze(token);
}

function checkTimes(
  payload: JsonObject,
  issuer: Issuer,
  nowMs: number,
): { expiresAt: number; issuedAt: number | undefined } {
  const nowS = nowMs / 1000;
  const expiresAt = required(seconds(payload.exp, 'exp'), 'exp');
  const issuedAt = seconds(payload.iat, 'iat');
  const notBefore = seconds(payload.nbf, 'nbf');
  if (nowS >= expiresAt + issuer.leewayS) throw new Problem('token_expired');
  const latest = nowS + issuer.leewayS;
  if ((issuedAt ?? 0) > latest) throw claims('iat');
  if ((notBefore ?? 0) > latest) throw claims('nbf');
  // Without iat the lifetime that is left has to do.
  if (expiresAt - (issuedAt ?? nowS) > issuer.maxLifetimeS) throw claims('lifetime');
  return { expiresAt, issuedAt };
}

function checkAudience(audience: unknown, issuer: Issuer): void {
  const audiences: unknown[] = Array.isArray(audience) ? audience : [audience];
  if (!audiences.every((value) => typeof value === 'string')) throw claims('aud');
  if (!audiences.some((value) => issuer.audiences.includes(value))) throw claims('aud');
}

/** Whole seconds of a NumericDate; undefined when absent. 1e400 parses as infinity and is none. */
function seconds(value: unknown, what: Part): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 1e11) throw claims(what);
  return Math.floor(value);
}

/** Control characters could forge a line somewhere down the road; half a surrogate pair has no UTF-8 form. */
function optionalText(value: unknown, what: Part): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT_LENGTH) throw claims(what);
  if (/[\p{Cc}\p{Cs}]/u.test(value)) throw claims(what);
  return value;
}

function version(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw claims('ver');
  return value;
}

/** Space-separated text (RFC 8693 section 4.2), or a list as some issuers send; a token may carry none. */
function scopeList(value: unknown): string[] {
  if (value === undefined) return [];
  if (typeof value === 'string')
    return textList(
      value.split(' ').filter((scope) => scope !== ''),
      'scopes',
    );
  if (!Array.isArray(value)) throw claims('scopes');
  return textList(value, 'scopes');
}

/** A list. A foreign issuer may send a single role as text, which stays one: role names may hold spaces. */
function roleList(value: unknown, own: boolean): string[] {
  if (value === undefined) return [];
  if (typeof value === 'string' && !own) return textList([value], 'roles');
  if (!Array.isArray(value)) throw claims('roles');
  return textList(value, 'roles');
}

const textList = (items: readonly unknown[], what: Part): string[] =>
  items.map((item) => required(optionalText(item, what), what));

function required<T>(value: T | undefined, what: Part): T {
  if (value === undefined) throw claims(what);
  return value;
}

/** Which claim was at fault, by what it stands for: the issuer may call it otherwise. */
type Part =
  | 'exp'
  | 'iat'
  | 'nbf'
  | 'lifetime'
  | 'aud'
  | 'subject'
  | 'client'
  | 'session'
  | 'token_id'
  | 'ver'
  | 'scopes'
  | 'roles';

/** The client is told no more than the code; log, metric and `explain` name the claim. */
const claims = (what: Part): Problem => new Problem('token_claims', { reason: `claims.${what}` });
