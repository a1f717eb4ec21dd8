import { createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose';
import { ACCESS_TOKEN_ALGORITHM } from '../../contracts/access-token.js';
import type { Clock } from '../../kit/clock.js';
import { Live } from '../../kit/live.js';
import { StartupError } from '../../kit/startup-error.js';
import type { Database, Queries } from '../stores/database.js';
import { lockFor } from '../stores/locks.js';
import { insertActiveSigningKey, listSigningKeys } from '../stores/signing-keys.js';
import { type Envelope, EnvelopeError } from './envelope.js';
import type { StoredSigningKey } from './signing-key.js';

/** One consistent view of the keys; replaced whole. */
export interface KeyRing {
  /** Signs. */
  active: { kid: string; privateKeyPem: string };
  /** Whatever may have signed a token that is still looked at, by key id. */
  verifying: ReadonlyMap<string, KeyObject>;
  /** What the JWKS publishes: next, active and retiring; never empty. */
  published: readonly JWK[];
}

/**
 * Loads the keys, and makes the first one when there is none: under a lock, so that any number of instances starting
 * at once make one (design 4.7). Throws StartupError when the active key cannot be opened.
 */
export async function openKeyRing(deps: {
  database: Database;
  envelope: Envelope;
  clock: Clock;
}): Promise<Live<KeyRing>> {
  const { database, envelope, clock } = deps;
  const stored = await database.transaction(async (trx) => {
    await lockFor(trx, 'signing-keys');
    const keys = await listSigningKeys(trx);
    if (keys.some((key) => key.state === 'active')) return keys;
    await makeActiveKey(trx, envelope, new Date(clock.now()));
    return listSigningKeys(trx);
  });
  return new Live(keyRing(stored, envelope));
}

async function makeActiveKey(trx: Queries, envelope: Envelope, now: Date): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair(ACCESS_TOKEN_ALGORITHM, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk, 'sha256');
  const pem = Buffer.from(await exportPKCS8(privateKey));
  const publicJwk: JWK = { ...jwk, kid, use: 'sig', alg: ACCESS_TOKEN_ALGORITHM };
  const key = {
    kid,
    algorithm: ACCESS_TOKEN_ALGORITHM,
    publicJwk,
    privateKey: envelope.seal(pem, owner(kid)),
  };
  await insertActiveSigningKey(trx, key, now);
}

function keyRing(stored: readonly StoredSigningKey[], envelope: Envelope): KeyRing {
  const active = stored.find((key) => key.state === 'active');
  if (active?.privateKey === undefined) throw new StartupError('the database holds no active signing key');
  const verifying = stored.filter((key) => key.state === 'active' || key.state === 'retiring');
  return {
    active: { kid: active.kid, privateKeyPem: openPrivateKey(active.kid, active.privateKey, envelope) },
    verifying: new Map(verifying.map(({ kid, publicJwk }) => [kid, publicKeyOf(publicJwk)])),
    published: stored.map((key) => key.publicJwk),
  };
}

function openPrivateKey(
  kid: string,
  sealed: NonNullable<StoredSigningKey['privateKey']>,
  envelope: Envelope,
): string {
  try {
    return envelope.open(sealed, owner(kid)).toString();
  } catch (cause) {
    if (!(cause instanceof EnvelopeError)) throw cause;
    throw new StartupError(`cannot decrypt signing key ${kid}: ${cause.message}; see keys.encryption_keys`, {
      cause,
    });
  }
}

const owner = (kid: string): string => `signing-key:${kid}`;

function publicKeyOf(jwk: JWK): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' });
}
