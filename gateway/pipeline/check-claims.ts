import { Problem } from '../../contracts/problem.js';
import type { Issuer } from './route.js';
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
  const text = (name: string): string | undefined => optionalText(payload[name]);
  const token: VerifiedToken = {
    issuer: issuer.issuer,
    subject: required(text('sub')),
    expiresAt,
    issuedAt,
    client: text('client_id'),
    session: text('sid'),
    tokenId: text('jti'),
    version: issuer.own ? version(payload.ver) : undefined,
    keyId,
    scopes: scopeList(payload.scope),
    roles: roleList(payload.roles),
    claims: payload,
  };
  if (issuer.own) [token.client, token.session, token.tokenId, token.issuedAt].forEach(required);
  return token;
}

function checkTimes(
  payload: JsonObject,
  issuer: Issuer,
  nowMs: number,
): { expiresAt: number; issuedAt: number | undefined } {
  const nowS = nowMs / 1000;
  const expiresAt = required(seconds(payload.exp));
  const issuedAt = seconds(payload.iat);
  const notBefore = seconds(payload.nbf);
  if (nowS >= expiresAt + issuer.leewayS) throw new Problem('token_expired');
  const earliest = Math.max(issuedAt ?? 0, notBefore ?? 0);
  if (earliest > nowS + issuer.leewayS) throw claims();
  // Without iat the lifetime that is left has to do.
  if (expiresAt - (issuedAt ?? nowS) > issuer.maxLifetimeS) throw claims();
  return { expiresAt, issuedAt };
}

function checkAudience(audience: unknown, issuer: Issuer): void {
  const audiences: unknown[] = Array.isArray(audience) ? audience : [audience];
  if (!audiences.every((value) => typeof value === 'string')) throw claims();
  if (!audiences.some((value) => issuer.audiences.includes(value))) throw claims();
}

/** Whole seconds of a NumericDate; undefined when absent. 1e400 parses as infinity and is none. */
function seconds(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 1e11) throw claims();
  return Math.floor(value);
}

function optionalText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT_LENGTH || /\p{Cc}/u.test(value)) {
    throw claims();
  }
  return value;
}

function version(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw claims();
  return value;
}

/** Space-separated (RFC 8693 section 4.2); a token may carry none. */
function scopeList(value: unknown): readonly string[] {
  return value === '' ? [] : (optionalText(value)?.split(' ') ?? []).filter((scope) => scope !== '');
}

function roleList(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw claims();
  return value.map((role) => required(optionalText(role)));
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw claims();
  return value;
}

const claims = (): Problem => new Problem('token_claims');
