import { createPublicKey, type JsonWebKeyInput } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';

const MIN_RSA_BITS = 2048;

const CURVE_ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  Ed25519: ['EdDSA', 'Ed25519'],
};
const RSA_ALGORITHMS = ['PS256', 'RS256'];

export const ASSERTION_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'] as const;

/** What a key may sign with: its type decides, not the assertion's header (RFC 8725 section 3.1). */
export function assertionAlgorithms({ kty, crv }: JWK): string[] {
  return [...(kty === 'RSA' ? RSA_ALGORITHMS : (CURVE_ALGORITHMS[crv ?? ''] ?? []))];
}

/**
 * The public key of a JWK as it is kept: the members that make it up and its thumbprint as `kid`. Undefined when it
 * cannot serve: private, symmetric, of another curve, too short, or no key at all.
 */
export async function publicClientKey(jwk: JWK): Promise<JWK | undefined> {
  if ('d' in jwk || 'k' in jwk || assertionAlgorithms(jwk).length === 0) return undefined;
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' } as JsonWebKeyInput);
    if ((key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS) < MIN_RSA_BITS) return undefined;
    const members = key.export({ format: 'jwk' }) as JWK;
    return { ...members, kid: await calculateJwkThumbprint(members) };
  } catch {
    return undefined;
  }
}
