/** By way of the global, which browsers and Node both have: no types of either are asked for. */
type Subtle = typeof globalThis.crypto.subtle;
export type CryptoKey = Awaited<ReturnType<Subtle['importKey']>>;

/** RFC 7517. */
export interface PrivateJwk {
  kty: string;
  crv?: string;
  d?: string;
  kid?: string;
  [member: string]: unknown;
}

/** Private keys of the algorithms that the auth service takes: P-256, P-384, Ed25519, RSA from 2048 bits. */
export interface SigningKey {
  key: CryptoKey;
  alg: string;
  /** How `crypto.subtle` signs with it. */
  how: Parameters<Subtle['sign']>[0];
  kid: string | undefined;
}

/**
 * A private key as a JWK, or as a CryptoKey that may sign (and need not be extractable). The key decides the algorithm.
 * Rejects with a TypeError for anything else.
 */
export async function signingKey(key: PrivateJwk | CryptoKey): Promise<SigningKey> {
  if (!('kty' in key)) return { key, ...algorithmOf(key.algorithm), kid: undefined };
  const algorithm = importAlgorithm(key);
  // `use`, `key_ops` and `alg` of the JWK are left out: some tools write there what WebCrypto does not take.
  const { use: _, key_ops: __, alg: ___, ...plain } = key;
  const imported = await crypto.subtle.importKey('jwk', plain, algorithm, false, ['sign']);
  return { key: imported, ...algorithmOf(imported.algorithm), kid: key.kid };
}

/** A compact JWS (RFC 7515 section 7.1). */
export async function signJwt(
  { key, alg, how, kid }: SigningKey,
  header: object,
  claims: object,
): Promise<string> {
  const parts = [{ ...(kid === undefined ? {} : { kid }), ...header, alg }, claims];
  const input = parts.map((part) => base64url(new TextEncoder().encode(JSON.stringify(part)))).join('.');
  const signature = await crypto.subtle.sign(how, key, new TextEncoder().encode(input));
  return `${input}.${base64url(new Uint8Array(signature))}`;
}

export async function sha256(text: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
}

function base64url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
}

function importAlgorithm({ kty, crv = '', d }: PrivateJwk): Parameters<Subtle['importKey']>[2] {
  if (d === undefined) throw new TypeError('the key of a service is a private key');
  if (kty === 'EC') return { name: 'ECDSA', namedCurve: crv };
  if (kty === 'RSA') return { name: 'RSA-PSS', hash: 'SHA-256' };
  return crv;
}

function algorithmOf(algorithm: { name: string; namedCurve?: string }): Pick<SigningKey, 'alg' | 'how'> {
  const { name, namedCurve = '' } = algorithm;
  if (name === 'RSA-PSS') return { alg: 'PS256', how: { name, saltLength: 32 } };
  if (name === 'Ed25519') return { alg: 'EdDSA', how: { name } };
  if (namedCurve === 'P-384') return { alg: 'ES384', how: { name, hash: 'SHA-384' } };
  if (namedCurve === 'P-256') return { alg: 'ES256', how: { name, hash: 'SHA-256' } };
  throw new TypeError(`not a key to sign with: ${name} ${namedCurve}`);
}
