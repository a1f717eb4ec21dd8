import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { SignatureAlgorithm } from './token-verifier.js';

/** A public key as its set describes it, checked. */
export interface ParsedKey {
  kid: string;
  alg: SignatureAlgorithm;
  publicKey: KeyObject;
  /** Only what makes the key: type, curve, coordinates, modulus, exponent. */
  jwk: JsonWebKey;
  /** RFC 7638: the same for the same key, whatever its set says about it. */
  thumbprint: string;
}

/** A member that is not used. Those that no careful issuer would publish are worth an alarm. */
export interface IgnoredKey {
  kid: string | undefined;
  reason: string;
  isSuspicious: boolean;
}

export interface ParsedKeySet {
  /** At least one, by key id. */
  keys: ReadonlyMap<string, ParsedKey>;
  ignored: readonly IgnoredKey[];
}

const MAX_KEYS = 32;
const MAX_KID_LENGTH = 256;
const MIN_RSA_BITS = 2048;
/** Verifying costs the square of it: a signature of 16,384 bits would be an attack. */
const MAX_RSA_BITS = 8192;

/** Which algorithms a kind of key can sign with. */
const ALGORITHMS: Readonly<Record<string, readonly SignatureAlgorithm[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'OKP Ed25519': ['EdDSA'],
  RSA: ['RS256', 'PS256'],
};

/**
 * The usable keys of a JWK set (RFC 7517). A key that is private, symmetric, for encryption, off its curve, too short
 * or of an algorithm that is not accepted is left out, and so are further keys of one `kid`. Throws when it is no key
 * set, has too many keys, or none is usable: such an answer must never replace good keys.
 *
 * @param accepted a key without `alg` gets the first of these that its type can do, and no other (RFC 8725 section 3.1)
 */
export function parseJwks(body: unknown, accepted: readonly string[]): ParsedKeySet {
  const members = (body as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(members)) throw new Error('it is no JWK set');
  if (members.length > MAX_KEYS) throw new Error(`it has more than ${MAX_KEYS} keys`);
  const keys = new Map<string, ParsedKey>();
  const ignored: IgnoredKey[] = [];
  for (const member of members as unknown[]) {
    const parsed = parseKey(member, accepted);
    if ('reason' in parsed) ignored.push(parsed);
    else if (keys.has(parsed.kid)) ignored.push(suspicious(parsed.kid, 'another key has its id'));
    else keys.set(parsed.kid, parsed);
  }
  if (keys.size === 0) throw new Error(`it has no usable key${reasons(ignored)}`);
  return { keys, ignored };
}

function parseKey(member: unknown, accepted: readonly string[]): ParsedKey | IgnoredKey {
  if (typeof member !== 'object' || member === null) return suspicious(undefined, 'it is no JWK');
  const { kty, crv, use, key_ops, alg, kid } = member as Record<string, unknown>;
  if (!isKid(kid)) return suspicious(undefined, 'its id is none');
  if ('d' in member) return suspicious(kid, 'it is a private key');
  if ('k' in member || kty === 'oct') return suspicious(kid, 'it is a symmetric key');
  if (use !== undefined && use !== 'sig') return unneeded(kid, 'it is not for signatures');
  if (Array.isArray(key_ops) && !key_ops.includes('verify')) return unneeded(kid, 'it is not for verifying');
  const possible = ALGORITHMS[kty === 'RSA' ? 'RSA' : `${String(kty)} ${String(crv)}`] ?? [];
  const algorithm = accepted.find((name) => (alg ?? name) === name && possible.some((p) => p === name));
  if (algorithm === undefined) return unneeded(kid, 'its algorithm is not accepted');
  return readPublicKey(member as JsonWebKey, kid, algorithm as SignatureAlgorithm);
}

function readPublicKey(
  jwk: JsonWebKey,
  kid: string | undefined,
  alg: SignatureAlgorithm,
): ParsedKey | IgnoredKey {
  let publicKey: KeyObject;
  try {
    // OpenSSL refuses a point that is not on its curve.
    publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return suspicious(kid, 'it is no valid key');
  }
  const { modulusLength, publicExponent } = publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && (modulusLength < MIN_RSA_BITS || modulusLength > MAX_RSA_BITS))
    return suspicious(kid, `it has ${modulusLength} bits`);
  // With an exponent of 1 the signature is the message itself.
  if (publicExponent !== undefined && (publicExponent < 3n || publicExponent % 2n === 0n))
    return suspicious(kid, 'its exponent is none');
  const bare = publicKey.export({ format: 'jwk' });
  const canonical = JSON.stringify(bare, Object.keys(bare).sort());
  const thumbprint = createHash('sha256').update(canonical).digest('base64url');
  return { kid: kid ?? thumbprint, alg, publicKey, jwk: bare, thumbprint };
}

/** A set of one key may leave the id out (RFC 7517 section 4.5). It gets into logs and onto terminals. */
const isKid = (kid: unknown): kid is string | undefined =>
  kid === undefined ||
  (typeof kid === 'string' && kid !== '' && kid.length <= MAX_KID_LENGTH && !/[\p{Cc}\p{Cs}]/u.test(kid));

const suspicious = (kid: string | undefined, reason: string): IgnoredKey => ({
  kid,
  reason,
  isSuspicious: true,
});
const unneeded = (kid: string | undefined, reason: string): IgnoredKey => ({
  kid,
  reason,
  isSuspicious: false,
});

const reasons = (ignored: readonly IgnoredKey[]): string =>
  ignored.length === 0 ? '' : `: ${[...new Set(ignored.map(({ reason }) => reason))].join(', ')}`;
