import type { IssuerReadiness, KeySetStatus, ReadinessReport } from '../contracts/admin-api.js';
import type { RevocationEntry } from '../contracts/revocation.js';
import { ConfigError, type ConfigProblem } from '../kit/config-file.js';
import type { KeySet } from './adapters/key-set.js';
import { RETIRE_AFTER_MS, type UpstreamSet } from './adapters/upstream-connections.js';
import { IssuerKeys, type IssuerKeysDeps, keySetId } from './issuer-keys.js';
import { readCa } from './locate-keys.js';
import type { GatewayOptions } from './options.js';
import type { KeySource } from './pipeline/ports.js';

/** The key sets of one version of the config. Those of unchanged issuers are the ones in force. */
export interface PreparedKeys {
  /** By the issuer's name in config. A cache is made when the compiler first asks: by then the config is found good. */
  sourceOf(name: string): KeySource;
  /**
   * Starts fetching what is new. Keys that stand in the config or in a file have to be good from the start: else it
   * rejects with a ConfigError. With `waitForRemote` it resolves after the first attempt at each, good or bad, which
   * takes 5 s at most.
   */
  start(waitForRemote: boolean): Promise<void>;
  /** Issuers whose tokens would get 503 as things stand. */
  missing(): string[];
  /** Puts them in force. */
  adopt(): void;
  /** Ends what was started. */
  discard(): Promise<void>;
}

interface Held {
  id: string;
  keys: IssuerKeys;
  ca: string | undefined;
}

/** How long an issuer that has never answered keeps a gateway from being ready for the others. */
const READY_PATIENCE_MS = 10_000;

/** The key sets of all issuers. Each lives its own life: one issuer's trouble never touches another's. */
export class KeyCaches {
  readonly #deps: IssuerKeysDeps;
  #held: ReadonlyMap<string, Held> = new Map();
  /** No longer in force; requests from before a reload may still look at them. */
  readonly #leaving = new Set<IssuerKeys>();
  /** What the feed said of keys, for issuers that come later. */
  #revoked: KeyEntry[] = [];
  #startedAt = Number.POSITIVE_INFINITY;

  constructor(deps: IssuerKeysDeps) {
    this.#deps = deps;
  }

  /** `set` is where the issuers' upstreams are found until it is in force. */
  prepare(options: GatewayOptions, set: () => UpstreamSet): PreparedKeys {
    const next = new Map<string, Held>();
    const added = (): IssuerKeys[] =>
      [...next].flatMap(([name, { keys }]) => (this.#held.get(name)?.keys === keys ? [] : [keys]));
    return {
      sourceOf: (name) => {
        const held = next.get(name) ?? this.#take(name, options, set);
        next.set(name, held);
        return held.keys.cache;
      },
      start: async (waitForRemote) => {
        this.#startedAt = Math.min(this.#startedAt, this.#deps.clock.monotonic());
        const started = added().map((keys) => ({ keys, first: keys.cache.start() }));
        const awaited = started.filter(({ keys }) => waitForRemote || !keys.isRemote);
        await Promise.all(awaited.map(({ first }) => first));
        const bad = started.filter(({ keys }) => !keys.isRemote && !keys.cache.available);
        if (bad.length > 0) throw new ConfigError(bad.map(({ keys }) => localProblem(options, keys.cache)));
      },
      missing: () => [...next].flatMap(([name, { keys }]) => (keys.cache.available ? [] : [name])),
      adopt: () => this.#adopt(next),
      discard: async () => void (await Promise.all(added().map((keys) => keys.stop()))),
    };
  }

  /** Acts on what the revocation feed says about keys. */
  onRevocation(entry: RevocationEntry): void {
    if (entry.kind !== 'key') return;
    const nowS = this.#deps.clock.now() / 1000;
    const others = this.#revoked.filter(
      ({ iss, kid, exp }) => exp > nowS && (iss !== entry.iss || kid !== entry.kid),
    );
    this.#revoked = [...others, entry];
    for (const cache of this.#caches()) revokeIn(cache, entry);
  }

  status(): KeySetStatus[] {
    return this.#caches().map((cache) => cache.status());
  }

  /** Failed fetches since the key set came to be, by issuer. */
  failures(): [issuer: string, failures: number][] {
    return this.#caches().map(({ name, failuresEver }) => [name, failuresEver]);
  }

  readiness(): Pick<ReadinessReport, 'ready' | 'issuers'> {
    const all = this.#caches();
    const available = all.filter((cache) => cache.available);
    const isPatient = this.#deps.clock.monotonic() - this.#startedAt < READY_PATIENCE_MS;
    return {
      ready: available.length === all.length || (available.length > 0 && !isPatient),
      issuers: Object.fromEntries(all.map((cache) => [cache.name, readinessOf(cache)])),
    };
  }

  async stop(): Promise<void> {
    const all = [...[...this.#held.values()].map(({ keys }) => keys), ...this.#leaving];
    await Promise.all(all.map((keys) => keys.stop()));
  }

  #caches(): KeySet[] {
    return [...this.#held.values()].map(({ keys }) => keys.cache);
  }

  /** The one in force, or a new one. */
  #take(name: string, { value: config }: GatewayOptions, set: () => UpstreamSet): Held {
    const issuer = config.issuers[name];
    if (issuer === undefined) throw new Error(`no issuer ${name}`);
    const id = keySetId(name, issuer);
    const ca = issuer.ca === undefined ? undefined : readCa(issuer.ca);
    const known = this.#held.get(name);
    if (known?.id === id) return { ...known, ca };
    return {
      id,
      ca,
      keys: new IssuerKeys(name, issuer, { ca, keysDir: config.keys_dir, set: set() }, this.#deps),
    };
  }

  #adopt(next: ReadonlyMap<string, Held>): void {
    const kept = new Set([...next.values()].map(({ keys }) => keys));
    for (const { keys } of this.#held.values()) if (!kept.has(keys)) this.#retireLater(keys);
    this.#held = next;
    for (const { keys, ca } of next.values()) {
      keys.adopt(ca, this.#deps.upstreams);
      for (const entry of this.#revoked) revokeIn(keys.cache, entry);
    }
  }

  #retireLater(keys: IssuerKeys): void {
    this.#leaving.add(keys);
    this.#deps.clock.after(RETIRE_AFTER_MS, () => {
      void keys.stop().then(() => this.#leaving.delete(keys));
    });
  }
}

function readinessOf(cache: KeySet): IssuerReadiness {
  const { available, keys, age_ms } = cache.status();
  return { state: available ? 'ready' : 'no keys', keys: keys.length, age_ms };
}

type KeyEntry = Extract<RevocationEntry, { kind: 'key' }>;

function revokeIn(cache: KeySet, { iss, kid, exp }: KeyEntry): void {
  if (cache.issuer === iss) cache.revoke(kid, exp);
}

function localProblem(options: GatewayOptions, cache: KeySet): ConfigProblem {
  const key = options.value.issuers[cache.name]?.jwks === undefined ? 'jwks_file' : 'jwks';
  const message = `its keys cannot be used: ${cache.status().last_failure ?? 'unknown'}`;
  return options.problem(['issuers', cache.name, key], 'config_issuer_keys', message);
}
