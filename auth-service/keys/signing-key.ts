import type { JWK } from 'jose';
import type { Sealed } from './envelope.js';

/** design 4.7: published (next), signing (active), still verifying (retiring), withdrawn (gone). */
export type SigningKeyState = 'next' | 'active' | 'retiring' | 'gone';

export const SIGNING_ALGORITHMS = ['ES256', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

export interface StoredSigningKey {
  /** RFC 7638 thumbprint. */
  kid: string;
  algorithm: SigningAlgorithm;
  state: SigningKeyState;
  publicJwk: JWK;
  /** PKCS#8 PEM, sealed for {@link signingKeyOwner}. Erased when the key stops signing. */
  privateKey: Sealed | undefined;
  /** When it was made, and thereby published. */
  createdAtMs: number;
  activatedAtMs: number | undefined;
  retiringAtMs: number | undefined;
  goneAtMs: number | undefined;
  /** No token that it signed expires later; 0 while it has signed nothing. */
  tokensExpireS: number;
}

/** What a private key is sealed for (keys/envelope.ts). */
export const signingKeyOwner = (kid: string): string => `signing-key:${kid}`;
