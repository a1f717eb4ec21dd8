import { createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { VerificationKey } from '../pipeline/ports.js';
import { prepareVerifier, type SignatureAlgorithm } from './token-verifier.js';

export const MAX_JWKS_BYTES = 64 * 1024;
const MAX_KEYS = 32;

/** Which algorithms a kind of key can sign with. The first is what a key without `alg` gets. */
const ALGORITHMS: Readonly<Record<string, readonly SignatureAlgorithm[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'OKP Ed25519': ['EdDSA'],
  RSA: ['RS256', 'PS256'],
};

/**
 * The usable keys of a JWK set (RFC 7517). A key that is private, symmetric, for encryption, off its curve, too short
 * or of an algorithm that is not accepted is left out, as are further keys of one `kid`. Throws when it is no key set,
 * has too many keys, or none is usable: such an answer must never replace good keys.
 */
export async function parseJwks(
  body: unknown,
  accepted: readonly string[],
): Promise<Map<string, VerificationKey>> {
  const members = (body as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(members)) throw new Error('not a JWK set');
  if (members.length > MAX_KEYS) throw new Error(`more than ${MAX_KEYS} keys`);
  const keys = new Map<string, VerificationKey>();
  for (const member of members as unknown[]) {
    const key = await parseKey(member, accepted);
    if (key !== undefined && !keys.has(key.kid)) keys.set(key.kid, key);
  }
  if (keys.size === 0) throw new Error('no usable key');
  return keys;
}

async function parseKey(member: unknown, accepted: readonly string[]): Promise<VerificationKey | undefined> {
  if (typeof member !== 'object' || member === null || 'd' in member || 'k' in member) return undefined;
  const jwk = member as JWK;
  if (jwk.use !== undefined && jwk.use !== 'sig') return undefined;
  if (jwk.key_ops !== undefined && !jwk.key_ops.includes('verify')) return undefined;
  const possible = ALGORITHMS[jwk.kty === 'RSA' ? 'RSA' : `${jwk.kty} ${jwk.crv}`] ?? [];
  const alg = possible.find(
    (algorithm) => (jwk.alg ?? algorithm) === algorithm && accepted.includes(algorithm),
  );
  if (alg === undefined) return undefined;
  try {
    const publicKey = createPublicKey({ key: jwk as import('node:crypto').JsonWebKey, format: 'jwk' });
    if (publicKey.asymmetricKeyType === 'rsa' && (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
      return undefined;
    const kid = typeof jwk.kid === 'string' && jwk.kid !== '' ? jwk.kid : await calculateJwkThumbprint(jwk);
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    return { kid, alg, verifies: await prepareVerifier(pem, alg) };
  } catch {
    return undefined;
  }
}
