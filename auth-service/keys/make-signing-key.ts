import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose';
import type { Envelope, Sealed } from './envelope.js';
import { type SigningAlgorithm, signingKeyOwner } from './signing-key.js';

export interface NewSigningKey {
  kid: string;
  algorithm: SigningAlgorithm;
  publicJwk: JWK;
  privateKey: Sealed;
}

/** A fresh key pair, its private half sealed. */
export async function makeSigningKey(
  envelope: Envelope,
  algorithm: SigningAlgorithm,
): Promise<NewSigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk, 'sha256');
  const pem = Buffer.from(await exportPKCS8(privateKey));
  const publicJwk: JWK = { ...jwk, kid, use: 'sig', alg: algorithm };
  return { kid, algorithm, publicJwk, privateKey: envelope.seal(pem, signingKeyOwner(kid)) };
}
