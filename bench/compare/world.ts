import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { createCertificateAuthority } from '../../kit/certificate-authority.js';
import { type Claims, goodClaims, signToken, testKey } from '../../test/fixtures/test-issuer.js';

export const ISSUER = 'https://issuer.bench.test';
export const AUDIENCE = 'urn:gatehouse:api';
const HOURS_VALID = 12;

/** Paths of PEM files, the same for every contender. */
export interface Pki {
  ca: string;
  gateway: { cert: string; key: string; both: string };
  upstream: { cert: string; key: string };
  /** For the public side, where TLS is on. */
  front: { cert: string; key: string; both: string };
}

/** What all contenders share: certificates, one issuer, what is revoked. */
export interface World {
  dir: string;
  pki: Pki;
  publicKeyPem: string;
  /** The issuer's public key as a file of a JWK set. */
  jwksFile: string;
  keyId: string;
  /** `jti` values that are revoked. No token of a run has one of them. */
  revoked: readonly string[];
  /** A token that every contender has to let pass; each call another one. */
  token(changes?: Record<string, unknown>): string;
}

export async function createWorld(revocations: number): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const key = await testKey();
  const jwksFile = join(dir, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify({ keys: [key.jwk] }));
  return {
    dir,
    pki: await writePki(dir),
    publicKeyPem: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    jwksFile,
    keyId: key.kid,
    revoked: Array.from({ length: revocations }, () => randomBytes(16).toString('base64url')),
    token: (changes) => signToken(key, claimsOf(changes)),
  };
}

function claimsOf(changes: Claims = {}): Claims {
  const now = Date.now();
  const who = { sub: `user-${randomBytes(6).toString('hex')}`, sid: randomBytes(16).toString('base64url') };
  const exp = Math.floor(now / 1000) + HOURS_VALID * 3600;
  return goodClaims(ISSUER, now, { ...who, client_id: 'bench', exp, ...changes });
}

async function writePki(dir: string): Promise<Pki> {
  const ca = await createCertificateAuthority();
  const write = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const leaf = async (name: string, id: string) => {
    const { cert, key } = await ca.issue({ name, spiffeId: id });
    return {
      cert: write(`${name}.pem`, cert),
      key: write(`${name}-key.pem`, key),
      both: write(`${name}-both.pem`, `${cert}\n${key}`),
    };
  };
  return {
    ca: write('ca.pem', ca.cert),
    gateway: await leaf('gateway', GATEWAY_SPIFFE_ID),
    upstream: await leaf('upstream', spiffeId('upstream')),
    front: await leaf('front', spiffeId('front')),
  };
}

/** A folder of its own for one contender, below the world's. */
export function folder(world: World, name: string): string {
  const path = join(world.dir, name.toLowerCase().replace(/[^a-z0-9]+/g, '-'));
  mkdirSync(path, { recursive: true });
  return path;
}
