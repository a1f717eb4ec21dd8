import { createHash, verify } from 'node:crypto';
import { Problem } from '../../contracts/problem.js';
import { canonicalPath } from './canonical-path.js';
import { type ParsedToken, parseToken } from './parse-token.js';
import type { DpopReplays } from './ports.js';
import { type ProofKey, readProofKey } from './proof-key.js';
import type { Unrevoked } from './states.js';
import type { JsonObject } from './strict-json.js';

/** How far a proof's `iat` may be from now, either way: proofs are made for the request that carries them. */
const PROOF_WINDOW_S = 60;
const MAX_JTI_LENGTH = 256;
const SIGNATURE_BYTES = 64;

/**
 * RFC 9449 section 4.3: the proof is well-formed and signed by the key that the token is bound to (`jkt`), for this
 * method, this URI, this token and this moment, and has not been used before. The cheap checks come first; the replay
 * memory last, so that only proofs of tokens that are good enter it.
 */
export function checkDpopProof(unrevoked: Unrevoked, jkt: string, replays: DpopReplays): void {
  const { credential, receivedAt } = unrevoked;
  const { header, payload, text, signatureBytes } = parseProof(credential.proof ?? '');
  if (header.typ !== 'dpop+jwt') throw invalid('typ');
  if ('crit' in header || 'b64' in header) throw invalid('crit');
  const key = readProofKey(header.jwk);
  if (key === undefined) throw invalid('jwk');
  if (header.alg !== key.alg) throw invalid('alg');
  if (key.thumbprint !== jkt) throw new Problem('token_binding', { reason: 'dpop.key' });
  checkRequest(payload, unrevoked);
  const issuedAt = checkTime(payload, receivedAt);
  if (payload.ath !== createHash('sha256').update(credential.text).digest('base64url')) throw invalid('ath');
  const { jti } = payload;
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) throw invalid('jti');
  if (signatureBytes !== SIGNATURE_BYTES || !isSignedBy(text, key)) throw invalid('signature');
  remember(`${jkt} ${jti}`, issuedAt, replays);
}

/** The proof is taken apart as strictly as a token. */
function parseProof(proof: string): ParsedToken {
  try {
    return parseToken(proof);
  } catch (cause) {
    throw new Problem('dpop_invalid', { reason: 'dpop.malformed', cause });
  }
}

function checkRequest({ htm, htu }: JsonObject, { request, route, path }: Unrevoked): void {
  if (htm !== request.method) throw invalid('htm');
  const origins = route.credentials.dpop?.publicOrigins;
  if (typeof htu !== 'string' || !URL.canParse(htu)) throw invalid('htu');
  // Compared after normalisation, without query and fragment (RFC 9449 section 4.3, point 9).
  const { origin, pathname, username, password } = new URL(htu);
  const isOurs = origins?.has(origin) === true && username === '' && password === '';
  if (!isOurs || pathOf(pathname) !== path) throw invalid('htu');
}

/** The path as this gateway would decide it, so that spellings do not matter; undefined when it would refuse it. */
function pathOf(pathname: string): string | undefined {
  try {
    return canonicalPath(pathname, '').path;
  } catch {
    return undefined;
  }
}

function checkTime({ iat }: JsonObject, nowMs: number): number {
  if (typeof iat !== 'number' || !(Math.abs(nowMs / 1000 - iat) <= PROOF_WINDOW_S)) throw invalid('iat');
  return iat;
}

function isSignedBy(text: string, key: ProofKey): boolean {
  const end = text.lastIndexOf('.');
  const signature = Buffer.from(text.slice(end + 1), 'base64url');
  const input = Buffer.from(text.slice(0, end));
  try {
    return key.alg === 'ES256'
      ? verify('sha256', input, { key: key.toKeyObject(), dsaEncoding: 'ieee-p1363' }, signature)
      : verify(null, input, key.toKeyObject(), signature);
  } catch {
    return false;
  }
}

/** Hashed, so that every entry costs the same memory whatever clients choose for a `jti`. */
function remember(proofId: string, issuedAt: number, replays: DpopReplays): void {
  const id = createHash('sha256').update(proofId).digest('base64url');
  const known = replays.remember(id, (issuedAt + PROOF_WINDOW_S) * 1000);
  if (known === 'used') throw new Problem('dpop_replayed');
  if (known === 'full') throw new Problem('overloaded', { reason: 'dpop.memory' });
}

const invalid = (what: string): Problem => new Problem('dpop_invalid', { reason: `dpop.${what}` });
