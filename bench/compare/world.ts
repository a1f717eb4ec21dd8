import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { createCertificateAuthority } from '../../kit/certificate-authority.js';

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
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = keys.publicKey.export({ format: 'jwk' }) as JWK;
  const keyId = await calculateJwkThumbprint(jwk);
  const jwksFile = join(dir, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify({ keys: [{ ...jwk, kid: keyId, use: 'sig', alg: 'ES256' }] }));
  return {
    dir,
    pki: await writePki(dir),
    publicKeyPem: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    jwksFile,
    keyId,
    revoked: Array.from({ length: revocations }, () => randomBytes(16).toString('base64url')),
    token: (changes) => signToken(keys.privateKey, keyId, changes),
  };
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

function signToken(key: KeyObject, kid: string, changes: Record<string, unknown> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: `user-${randomBytes(6).toString('hex')}`,
    client_id: 'bench',
    scope: 'orders:read orders:write',
    roles: ['user'],
    sid: randomBytes(16).toString('base64url'),
    jti: randomBytes(16).toString('base64url'),
    ver: 1,
    iat: now,
    exp: now + HOURS_VALID * 3600,
    ...changes,
  };
  const text = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${text({ alg: 'ES256', typ: 'at+jwt', kid })}.${text(claims)}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A folder of its own for one contender, below the world's. */
export function folder(world: World, name: string): string {
  const path = join(world.dir, name.toLowerCase().replace(/[^a-z0-9]+/g, '-'));
  mkdirSync(path, { recursive: true });
  return path;
}
