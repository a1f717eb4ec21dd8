import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import { StartupError } from '../../kit/startup-error.js';
import { type Envelope, EnvelopeError } from './envelope.js';
import { type SigningAlgorithm, type StoredSigningKey, signingKeyOwner } from './signing-key.js';

export interface ActiveKey {
  kid: string;
  algorithm: SigningAlgorithm;
  privateKeyPem: string;
  /** Unix seconds: may sign tokens that expire by then; see {@link StoredSigningKey}. */
  tokensExpireS: number;
}

/** One consistent view of the keys; replaced whole. */
export interface KeyRing {
  /** Signs. */
  active: ActiveKey;
  /** Whatever may have signed a token that is still looked at, by key id. */
  verifying: ReadonlyMap<string, { algorithm: SigningAlgorithm; key: KeyObject }>;
  /** What the JWKS publishes: next, active and retiring; never empty. */
  published: readonly JWK[];
}

/** Throws StartupError when there is no active key, or when it cannot be opened. */
export function buildKeyRing(stored: readonly StoredSigningKey[], envelope: Envelope): KeyRing {
  const active = stored.find((key) => key.state === 'active');
  if (active?.privateKey === undefined) throw new StartupError('the database holds no active signing key');
  const { kid, algorithm, privateKey, tokensExpireS } = active;
  const verifying = stored.filter((key) => key.state === 'active' || key.state === 'retiring');
  return {
    active: { kid, algorithm, privateKeyPem: openPrivateKey(kid, privateKey, envelope), tokensExpireS },
    verifying: new Map(verifying.map(verificationOf)),
    published: stored.map((key) => key.publicJwk),
  };
}

function openPrivateKey(
  kid: string,
  sealed: NonNullable<StoredSigningKey['privateKey']>,
  envelope: Envelope,
): string {
  try {
    return envelope.open(sealed, signingKeyOwner(kid)).toString();
  } catch (cause) {
    if (!(cause instanceof EnvelopeError)) throw cause;
    throw new StartupError(`cannot decrypt signing key ${kid}: ${cause.message}; see keys.encryption_keys`, {
      cause,
    });
  }
}

function verificationOf({ kid, algorithm, publicJwk }: StoredSigningKey) {
  return [kid, { algorithm, key: createPublicKey({ key: publicJwk, format: 'jwk' }) }] as const;
}
