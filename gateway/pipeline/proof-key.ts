import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { JsonObject } from './strict-json.js';

/** The public key in a DPoP proof's header, by the few members that make it. */
export interface ProofKey {
  alg: 'ES256' | 'EdDSA';
  /** RFC 7638. */
  thumbprint: string;
  /** Throws when the point is not on the curve. */
  toKeyObject(): KeyObject;
}

/** RFC 7518 section 6 and RFC 8037 section 2: what only a private or symmetric key has. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const COORDINATE_BYTES = 32;

/**
 * Reads an embedded `jwk` (RFC 9449 section 4.2): P-256 or Ed25519, public, with coordinates of full length in their one
 * spelling, so that a key has one thumbprint. Undefined for anything else.
 */
export function readProofKey(jwk: unknown): ProofKey | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  const { kty, crv, x, y } = jwk as JsonObject;
  if (SECRET_MEMBERS.some((member) => member in jwk) || !isCoordinate(x)) return undefined;
  if (kty === 'EC' && crv === 'P-256' && isCoordinate(y)) return proofKey('ES256', { crv, kty, x, y });
  if (kty === 'OKP' && crv === 'Ed25519') return proofKey('EdDSA', { crv, kty, x });
  return undefined;
}

/** RFC 7638 section 3: the members in this order are the text that is hashed. */
function proofKey(alg: ProofKey['alg'], jwk: { crv: string; kty: string; x: string; y?: string }): ProofKey {
  return {
    alg,
    thumbprint: createHash('sha256').update(JSON.stringify(jwk)).digest('base64url'),
    toKeyObject: () => createPublicKey({ key: jwk, format: 'jwk' }),
  };
}

function isCoordinate(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const bytes = Buffer.from(value, 'base64url');
  return bytes.length === COORDINATE_BYTES && bytes.toString('base64url') === value;
}
