import { Problem } from '../../contracts/problem.js';
import { advance } from './advance.js';
import { attributeTo } from './attribute-problem.js';
import { CallersOf } from './caller.js';
import { checkClaims } from './check-claims.js';
import { checkTokenType } from './check-token-type.js';
import type { Issuer } from './issuer.js';
import { type ParsedToken, parseToken } from './parse-token.js';
import type { VerificationKey } from './ports.js';
import { recallToken } from './recall-token.js';
import type { Presented, Verified } from './states.js';
import type { JsonObject } from './strict-json.js';
import type { Verification, VerifiedTokenCache } from './verified-token-cache.js';

/** Bytes of a JWS signature (RFC 7518 section 3.4, RFC 8037 section 3.1). RSA signatures are as long as their key. */
const SIGNATURE_BYTES: Readonly<Record<string, number>> = { ES256: 64, ES384: 96, EdDSA: 64 };

/** Longer than any thumbprint or UUID; what is longer is no key id of anybody's. */
const MAX_KID_LENGTH = 256;

/**
 * Who the caller is, by a signed token of an issuer that the route accepts. Refuses with the precise reason; 503 when
 * the issuer's keys are not to be had, since that is not the token's fault. At once for a token that is known.
 */
export function verifyToken(presented: Presented, cache: VerifiedTokenCache): Verified | Promise<Verified> {
  const known = recallToken(presented, cache);
  return known === undefined ? verifyAndKeep(presented, cache) : verifiedBy(known, presented);
}

async function verifyAndKeep(presented: Presented, cache: VerifiedTokenCache): Promise<Verified> {
  const verification = await verifyAnew(presented);
  cache.set(presented.credential.text, verification);
  return verifiedBy(verification, presented);
}

const verifiedBy = ({ token, callers, issuer, key }: Verification, presented: Presented): Verified =>
  advance(presented, { token, callers, issuer, key });

async function verifyAnew({ credential, route, receivedAt }: Presented): Promise<Verification> {
  const token = parseToken(credential.text);
  checkCritical(token.header);
  const issuer = route.issuers.find((candidate) => candidate.issuer === token.payload.iss);
  if (issuer === undefined) throw refuseUnknownIssuer(token, route.issuers);
  try {
    return await verifyBy(issuer, token, receivedAt);
  } catch (error) {
    throw attributeTo(issuer, error);
  }
}

async function verifyBy(issuer: Issuer, token: ParsedToken, receivedAt: number): Promise<Verification> {
  checkAlgorithm(token.header, issuer);
  const namedKid = readKid(token.header);
  const key = await findKey(namedKid, issuer);
  if (key.alg !== token.header.alg) throw new Problem('token_alg');
  checkTokenType(token, issuer);
  checkSignature(token, key);
  const verified = checkClaims(token.payload, issuer, key.kid, receivedAt);
  return Object.freeze({ token: verified, callers: new CallersOf(verified), issuer, namedKid, key });
}

/** A token nobody here could verify is still told its plainest fault: an algorithm that no issuer accepts. */
function refuseUnknownIssuer(token: ParsedToken, issuers: readonly Issuer[]): Problem {
  const { alg } = token.header;
  return new Problem(
    issuers.some(({ algorithms }) => algorithms.some((a) => a === alg)) ? 'token_claims' : 'token_alg',
    { reason: 'claims.iss' },
  );
}

/** RFC 7515 section 4.1.11: no extension is understood, so a `crit` of any form is one too many. */
function checkCritical(header: JsonObject): void {
  if ('crit' in header || 'b64' in header) throw new Problem('token_crit');
}

function checkAlgorithm(header: JsonObject, issuer: Issuer): void {
  if (typeof header.alg !== 'string' || !issuer.algorithms.includes(header.alg))
    throw new Problem('token_alg');
}

function readKid({ kid }: JsonObject): string | undefined {
  if (kid === undefined) return undefined;
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) throw new Problem('token_kid');
  return kid;
}

/** Among the issuer's own keys only. The header's `jwk`, `jku`, `x5u` and `x5c` are never looked at. */
async function findKey(kid: string | undefined, { keys }: Issuer): Promise<VerificationKey> {
  if (kid !== undefined && keys.isRevoked(kid)) throw new Problem('token_kid');
  const held = keys.find(kid) ?? (kid === undefined ? 'absent' : await keys.fetchMissing(kid));
  if (!keys.available || held === 'unanswered') throw new Problem('keys_unavailable');
  if (held === 'absent') throw new Problem('token_kid');
  return held;
}

/**
 * The length is checked here because libraries differ in what they make of a DER signature or of spare bytes. That r
 * and s are in range is OpenSSL's to check; a test holds it to that.
 */
function checkSignature({ text, signatureBytes }: ParsedToken, key: VerificationKey): void {
  const expectedBytes = SIGNATURE_BYTES[key.alg];
  if (signatureBytes === 0 || (expectedBytes !== undefined && signatureBytes !== expectedBytes)) {
    throw new Problem('token_signature');
  }
  if (!key.verifies(text)) throw new Problem('token_signature');
}
