import type { JWK } from 'jose';
import type { Sealed } from './envelope.js';

/** design 4.7: published (next), signing (active), still verifying (retiring), withdrawn (gone). */
export type SigningKeyState = 'next' | 'active' | 'retiring' | 'gone';

export interface StoredSigningKey {
  /** RFC 7638 thumbprint. */
  kid: string;
  algorithm: string;
  state: SigningKeyState;
  publicJwk: JWK;
  /** PKCS#8 PEM, sealed for `signing-key:<kid>`. */
  privateKey: Sealed | undefined;
}
