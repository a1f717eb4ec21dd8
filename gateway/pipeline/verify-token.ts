import { Problem } from '../../contracts/problem.js';
import { checkClaims } from './check-claims.js';
import { type ParsedToken, parseToken } from './parse-token.js';
import type { VerificationKey } from './ports.js';
import type { Issuer } from './route.js';
import type { Presented, Verified } from './states.js';
import type { JsonObject } from './strict-json.js';

/** Bytes of a JWS signature (RFC 7518 section 3.4, RFC 8037 section 3.1). RSA signatures are as long as their key. */
const SIGNATURE_BYTES: Readonly<Record<string, number>> = { ES256: 64, ES384: 96, EdDSA: 64 };

/**
 * Who the caller is, by a signed token of an issuer that the route accepts. Refuses with the precise reason; 503 when
 * the issuer's keys are not to be had, since that is not the token's fault.
 */
export async function verifyToken(presented: Presented): Promise<Verified> {
  const { token: text, route, receivedAt } = presented;
  const token = parseToken(text);
  checkCritical(token.header);
  const issuer = route.issuers.find((candidate) => candidate.issuer === token.payload.iss);
  if (issuer === undefined) throw refuseUnknownIssuer(token, route.issuers);
  checkAlgorithm(token.header, issuer);
  const key = await findKey(token.header, issuer);
  checkType(token.header, issuer);
  checkSignature(token, key);
  return { ...presented, token: checkClaims(token.payload, issuer, key.kid, receivedAt), key };
}

/** A token nobody here could verify is still told its plainest fault: an algorithm that no issuer accepts. */
function refuseUnknownIssuer(token: ParsedToken, issuers: readonly Issuer[]): Problem {
  const { alg } = token.header;
  return new Problem(
    issuers.some(({ algorithms }) => algorithms.some((a) => a === alg)) ? 'token_claims' : 'token_alg',
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

/** RFC 9068 section 2.1: an ID token or another kind of JWT of the same issuer is no access token. */
function checkType(header: JsonObject, issuer: Issuer): void {
  const type =
    typeof header.typ === 'string' ? header.typ.toLowerCase().replace(/^application\//, '') : undefined;
  if (type !== issuer.tokenType) throw new Problem('token_type');
}

/** By key id among the issuer's own keys only. The header's `jwk`, `jku`, `x5u` and `x5c` are never looked at. */
async function findKey(header: JsonObject, issuer: Issuer): Promise<VerificationKey> {
  const { kid } = header;
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > 256))
    throw new Problem('token_kid');
  let key = issuer.keys.find(kid);
  if (key === undefined && kid !== undefined) key = await issuer.keys.fetchMissing(kid);
  if (!issuer.keys.available) throw new Problem('keys_unavailable');
  if (key === undefined) throw new Problem('token_kid');
  if (key.alg !== header.alg) throw new Problem('token_alg');
  return key;
}

function checkSignature({ text, signatureBytes }: ParsedToken, key: VerificationKey): void {
  const expectedBytes = SIGNATURE_BYTES[key.alg];
  if (signatureBytes === 0 || (expectedBytes !== undefined && signatureBytes !== expectedBytes)) {
    throw new Problem('token_signature');
  }
  if (!key.verifies(text)) throw new Problem('token_signature');
}
