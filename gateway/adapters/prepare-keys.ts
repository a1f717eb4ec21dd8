import type { VerificationKey } from '../pipeline/ports.js';
import type { ParsedKey } from './parse-jwks.js';
import { prepareVerifier } from './token-verifier.js';

/** A key that the cache holds. */
export interface HeldKey extends ParsedKey, VerificationKey {
  alg: ParsedKey['alg'];
}

/**
 * Makes parsed keys ready to verify with. A key that is held already stays the object that it is, so that what has been
 * verified with it stays verified; a key that has changed under its id becomes another.
 */
export async function prepareKeys(
  parsed: ReadonlyMap<string, ParsedKey>,
  held: ReadonlyMap<string, HeldKey>,
): Promise<Map<string, HeldKey>> {
  const keys = new Map<string, HeldKey>();
  for (const [kid, key] of parsed) {
    const known = held.get(kid);
    const isSame = known?.thumbprint === key.thumbprint && known.alg === key.alg;
    keys.set(kid, isSame ? known : await prepareKey(key));
  }
  return keys;
}

async function prepareKey(key: ParsedKey): Promise<HeldKey> {
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { ...key, verifies: await prepareVerifier(pem, key.alg) };
}
