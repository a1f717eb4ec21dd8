import { sha256, signingKey, signJwt } from './sign-jwt.js';

/** Proofs of possession by one key (RFC 9449). */
export interface Dpop {
  /** `token`: whose hash goes in, where the proof is for a request with one (section 4.2). */
  proof(method: string, url: string, token?: string): Promise<string>;
  /** The headers of a request with a token (section 7.1). */
  headers(token: string, method: string, url: string): Promise<Record<string, string>>;
}

/** With a key that is made here, and that nobody can take out of this process or page. */
export async function createDpop(now: () => number): Promise<Dpop> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const key = await signingKey(pair.privateKey);

  async function proof(method: string, url: string, token?: string): Promise<string> {
    const { origin, pathname } = new URL(url);
    const claims = { jti: crypto.randomUUID(), htm: method, htu: origin + pathname };
    const ath = token === undefined ? {} : { ath: await sha256(token) };
    const header = { typ: 'dpop+jwt', jwk: { kty, crv, x, y } };
    return signJwt(key, header, { ...claims, iat: Math.floor(now() / 1000), ...ath });
  }

  return {
    proof,
    headers: async (token, method, url) => ({
      authorization: `DPoP ${token}`,
      dpop: await proof(method, url, token),
    }),
  };
}
