import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher } from 'undici';
import type { IssuerReadiness, KeySetStatus, ReadinessReport } from '../contracts/admin-api.js';
import type { RevocationEntry } from '../contracts/revocation.js';
import type { Clock } from '../kit/clock.js';
import { ConfigError } from '../kit/config-file.js';
import type { Logger } from '../kit/logger.js';
import { StartupError } from '../kit/startup-error.js';
import { durationMs } from '../kit/units.js';
import {
  type FetchJwks,
  fetchByDiscovery,
  fetchFromFile,
  fetchFromUri,
  fetchInline,
  openidMetadataUrl,
} from './adapters/fetch-jwks.js';
import { JwksCache } from './adapters/jwks-cache.js';
import { createKeyFile } from './adapters/key-file.js';
import type { UpstreamConnections } from './adapters/upstream-connections.js';
import type { GatewayOptions } from './options.js';
import type { KeySource } from './pipeline/ports.js';
import type { IssuerConfig } from './routing/schema.js';

/** The key sets of all issuers. Each lives its own life: one issuer's trouble never touches another's. */
export interface KeyCaches {
  /** By the issuer's name in config. */
  sourceOf(name: string): KeySource;
  /**
   * Starts fetching in the background. Keys that stand in the config or in a file have to be good from the start: else
   * it rejects with a ConfigError.
   */
  start(): Promise<void>;
  /** Acts on what the revocation feed says about keys. */
  onRevocation(entry: RevocationEntry): void;
  status(): KeySetStatus[];
  /** Failed fetches since the start of the process, by issuer. */
  failures(): [issuer: string, failures: number][];
  readiness(): Pick<ReadinessReport, 'ready' | 'issuers'>;
  stop(): Promise<void>;
}

export interface KeyCachesDeps {
  upstreams: UpstreamConnections;
  clock: Clock;
  logger: Logger;
}

/** How long an issuer that has never answered keeps a gateway from being ready for the others. */
const READY_PATIENCE_MS = 10_000;

/** An issuer's cache is made when the compiler first asks for it: by then the config has been found good. */
export function createKeyCaches(options: GatewayOptions, deps: KeyCachesDeps): KeyCaches {
  const { clock } = deps;
  const agents: Agent[] = [];
  const held = new Map<string, HeldCache>();
  const caches = (): JwksCache[] => [...held.values()].map(({ cache }) => cache);
  let startedAt = Number.POSITIVE_INFINITY;

  return {
    sourceOf(name) {
      const entry = held.get(name) ?? createCache(name, options, deps, agents);
      held.set(name, entry);
      return entry.cache;
    },
    async start() {
      startedAt = clock.monotonic();
      const started = [...held.values()].map((entry) => ({ ...entry, first: entry.cache.start() }));
      const local = started.filter(({ isRemote }) => !isRemote);
      await Promise.all(local.map(({ first }) => first));
      const bad = local.filter(({ cache }) => !cache.available);
      if (bad.length > 0) throw new ConfigError(bad.map(({ cache }) => localProblem(options, cache)));
    },
    onRevocation(entry) {
      if (entry.kind !== 'key') return;
      for (const cache of caches()) if (cache.issuer === entry.iss) cache.revoke(entry.kid, entry.exp);
    },
    status: () => caches().map((cache) => cache.status()),
    failures: () => caches().map(({ name, failuresEver }) => [name, failuresEver]),
    readiness() {
      const all = caches();
      const available = all.filter((cache) => cache.available);
      const isPatient = clock.monotonic() - startedAt < READY_PATIENCE_MS;
      return {
        ready: available.length === all.length || (available.length > 0 && !isPatient),
        issuers: Object.fromEntries(all.map((cache) => [cache.name, readinessOf(cache)])),
      };
    },
    async stop() {
      await Promise.all(caches().map((cache) => cache.stop()));
      await Promise.all(agents.map((agent) => agent.destroy()));
    },
  };
}

function readinessOf(cache: JwksCache): IssuerReadiness {
  const { available, keys, age_ms } = cache.status();
  return { state: available ? 'ready' : 'no keys', keys: keys.length, age_ms };
}

interface HeldCache {
  cache: JwksCache;
  /** Its keys come from elsewhere, which may be away at any time. */
  isRemote: boolean;
}

function createCache(
  name: string,
  { value: config }: GatewayOptions,
  { upstreams, clock, logger }: KeyCachesDeps,
  agents: Agent[],
): HeldCache {
  const issuer = config.issuers[name];
  if (issuer === undefined) throw new Error(`no issuer ${name}`);
  const dispatcher = (): Dispatcher => {
    if (issuer.upstream !== undefined) return upstreams.agent;
    const agent = createAgent(issuer.ca);
    agents.push(agent);
    return agent;
  };
  const { fetch, source, isRemote } = locateKeys(issuer, dispatcher, upstreams);
  const keysDir = isRemote ? config.keys_dir : undefined;
  const cache = new JwksCache({
    name,
    issuer: issuer.issuer,
    source,
    algorithms: issuer.algorithms ?? ['ES256'],
    maxStalenessMs: durationMs(issuer.max_staleness ?? '24h'),
    fetch,
    file: keysDir === undefined ? undefined : createKeyFile(keysDir, name, issuer.issuer, source),
    clock,
    logger,
  });
  return { cache, isRemote };
}

export interface KeyLocation {
  fetch: FetchJwks;
  source: string;
  isRemote: boolean;
}

/** `check-issuers.ts` has seen to it that there is exactly one place. */
export function locateKeys(
  issuer: IssuerConfig,
  dispatcher: () => Dispatcher,
  upstreams: UpstreamConnections,
): KeyLocation {
  const {
    jwks_uri: uri,
    discovery,
    jwks_file: file,
    jwks,
    upstream,
    insecure_http: insecure = false,
  } = issuer;
  if (uri !== undefined) {
    const { pathname, search } = new URL(uri);
    const target = upstream === undefined ? uri : upstreams.originOf(upstream) + pathname + search;
    return { fetch: fetchFromUri(target, dispatcher()), source: uri, isRemote: true };
  }
  if (discovery !== undefined) {
    const url = discovery === true ? openidMetadataUrl(issuer.issuer) : discovery;
    const fetch = fetchByDiscovery(issuer.issuer, url, insecure, dispatcher());
    return { fetch, source: url, isRemote: true };
  }
  if (file !== undefined) return { fetch: fetchFromFile(file), source: file, isRemote: false };
  return { fetch: fetchInline(jwks), source: 'inline', isRemote: false };
}

/** A pool for each issuer, so that one that hangs holds nobody else's connections. */
export function createAgent(caFile: string | undefined): Agent {
  const trust = caFile === undefined ? {} : { ca: readCa(caFile) };
  return new Agent({ connect: { timeout: 3000, ...trust }, keepAliveTimeout: 4000, pipelining: 1 });
}

function readCa(path: string): string {
  try {
    const pem = readFileSync(path, 'utf8');
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : 'not a PEM certificate';
    throw new StartupError(`cannot use the CA ${path} of an issuer: ${reason}`, { cause });
  }
}

function localProblem(options: GatewayOptions, cache: JwksCache) {
  const key = options.value.issuers[cache.name]?.jwks === undefined ? 'jwks_file' : 'jwks';
  const message = `its keys cannot be used: ${cache.status().last_failure ?? 'unknown'}`;
  return options.problem(['issuers', cache.name, key], 'config_issuer_keys', message);
}
