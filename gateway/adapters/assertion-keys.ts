import { createECDH, createHash, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto';

/** The order of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** 64 bits more than the order has, which makes the remainder as good as uniform (FIPS 186-5 A.2.1). */
const SEED_BYTES = 40;

export interface AssertionKey {
  kid: string;
  privateKey: KeyObject;
  /** With `kid`, `alg` and `use`. */
  publicJwk: Readonly<Record<string, string>>;
}

/**
 * The ES256 key of one rotation period. Derived, so that gateways with the same secret have the same keys without
 * talking to each other: keys that each replica makes for itself are the classic cause of tokens that verify now and
 * then (supertokens-core #1313).
 */
export function deriveAssertionKey(secret: Uint8Array, period: number): AssertionKey {
  const seed = hkdfSync('sha256', secret, '', `gatehouse assertion key ${period}`, SEED_BYTES);
  const scalar = (BigInt(`0x${Buffer.from(seed).toString('hex')}`) % (ORDER - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(d);
  // 0x04, then both coordinates (SEC 1 section 2.3.3).
  const point = curve.getPublicKey();
  const jwk = {
    crv: 'P-256',
    kty: 'EC',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url');
  return {
    kid,
    privateKey: createPrivateKey({ key: { ...jwk, d: d.toString('base64url') }, format: 'jwk' }),
    publicJwk: { ...jwk, kid, alg: 'ES256', use: 'sig' },
  };
}
