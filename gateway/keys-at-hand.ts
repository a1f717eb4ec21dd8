import { readFile } from 'node:fs/promises';
import type { Clock } from '../kit/clock.js';
import { durationMs } from '../kit/units.js';
import { openidMetadataUrl } from './adapters/fetch-jwks.js';
import { createKeyFile } from './adapters/key-file.js';
import { parseJwks } from './adapters/parse-jwks.js';
import { type HeldKey, prepareKeys } from './adapters/prepare-keys.js';
import type { KeySource } from './pipeline/ports.js';
import type { GatewayConfig, IssuerConfig } from './routing/schema.js';

/** The issuers' keys as far as this machine has them; none is fetched. */
export interface KeysAtHand {
  /** By the issuer's name in config. */
  sourceOf(name: string): KeySource;
  /** Since the issuer confirmed them; undefined where there are none. */
  ageMs(name: string): number | undefined;
}

interface Held {
  keys: ReadonlyMap<string, HeldKey>;
  ageMs: number;
}

/**
 * From the config, from files, and from what a gateway with this `keys_dir` keeps for its next start. What cannot be
 * read or trusted counts as absent: a token of that issuer is then one that nobody here can verify.
 */
export async function keysAtHand(config: GatewayConfig, clock: Clock): Promise<KeysAtHand> {
  const held = new Map<string, Held>();
  for (const [name, issuer] of Object.entries(config.issuers)) {
    const keys = await readKeys(name, issuer, config.keys_dir, clock).catch(() => undefined);
    if (keys !== undefined) held.set(name, keys);
  }
  return {
    ageMs: (name) => held.get(name)?.ageMs,
    sourceOf: (name) => keySource(held.get(name)?.keys ?? new Map()),
  };
}

async function readKeys(
  name: string,
  issuer: IssuerConfig,
  keysDir: string | undefined,
  clock: Clock,
): Promise<Held | undefined> {
  const prepare = async (set: unknown, ageMs: number): Promise<Held> => {
    const { keys } = parseJwks(set, issuer.algorithms ?? ['ES256']);
    return { keys: await prepareKeys(keys, new Map()), ageMs };
  };
  const { jwks, jwks_file: file, jwks_uri: uri, discovery } = issuer;
  if (jwks !== undefined) return prepare(jwks, 0);
  if (file !== undefined) return prepare(JSON.parse(await readFile(file, 'utf8')), 0);
  const source = uri ?? (discovery === true ? openidMetadataUrl(issuer.issuer) : discovery);
  if (keysDir === undefined || source === undefined) return undefined;
  const kept = await createKeyFile(keysDir, name, issuer.issuer, source).load();
  if (kept === undefined) return undefined;
  const ageMs = clock.now() - kept.fetchedAt;
  return ageMs > durationMs(issuer.max_staleness ?? '24h') ? undefined : prepare(kept, ageMs);
}

function keySource(keys: ReadonlyMap<string, HeldKey>): KeySource {
  const available = keys.size > 0;
  return {
    find: (kid) => (kid === undefined ? onlyOne(keys) : keys.get(kid)),
    // A gateway would ask the issuer; here nobody can say.
    fetchMissing: async () => 'unanswered',
    isRevoked: () => false,
    available,
  };
}

const onlyOne = (keys: ReadonlyMap<string, HeldKey>): HeldKey | undefined =>
  keys.size === 1 ? keys.values().next().value : undefined;
