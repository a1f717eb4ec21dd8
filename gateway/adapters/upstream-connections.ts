import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Dispatcher, type Pool } from 'undici';
import type { Clock } from '../../kit/clock.js';
import type { TlsMaterial } from '../../kit/tls-files.js';
import { createUpstreamPool, type UpstreamPool, type UpstreamSpec } from './upstream-pool.js';

/** The upstreams of one version of the config. */
export interface UpstreamSet {
  /** The upstream's own connection pool. */
  dispatcherOf(upstream: string): Pool;
  /** One of the upstream's targets, for what does not go through the pool. */
  targetOf(upstream: string): string;
  /** Like {@link UpstreamConnections.agent}, for this version alone. */
  agent: Dispatcher;
}

const ORIGIN_SUFFIX = '.upstream.invalid';

/**
 * From taking its snapshot to its last look at a pool a request waits for a key set and an API key, 2 s each at most
 * (design 4.11). A pool that the config no longer names is closed to new requests well after that.
 */
export const RETIRE_AFTER_MS = 10_000;

interface OpenPool extends UpstreamPool {
  /** Set while the config in force does not have it. */
  cancelRetirement: (() => void) | undefined;
}

interface KeyedSet extends UpstreamSet {
  /** By what makes a pool another one: name, targets, identity, TLS files. */
  keyed: ReadonlyMap<string, OpenPool>;
}

/**
 * Every connection to an upstream shows the gateway's certificate and goes on only when the other side proves to be
 * the upstream: internal CA and SPIFFE id. The proxy libraries verify nothing unless they get an Agent of ours
 * (CVE-2026-107318).
 *
 * A reload prepares a set of upstreams and then adopts it. Those that it leaves unchanged keep their pool and its
 * connections; a pool that is no longer named lets its requests and streams end.
 */
export class UpstreamConnections {
  readonly #clock: Clock;
  /** Pools of the set in force, and of earlier ones while a new request may still need them. */
  readonly #open = new Map<string, OpenPool>();
  /** Pools that only wait for their last request to end, which for a stream may take days. */
  readonly #ending = new Set<Pool>();
  #current: KeyedSet = setOf(new Map(), new Map());

  /** For undici: requests to {@link originOf} an upstream go to one of its targets, as the config in force has them. */
  readonly agent: Dispatcher = new ByOrigin((name) => this.#current.dispatcherOf(name));

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The stable origin that stands for an upstream. It resolves nowhere else. */
  originOf(name: string): string {
    return `https://${name}${ORIGIN_SUFFIX}`;
  }

  /** Changes nothing yet, and opens no connection. Throws where `material` is no use to TLS. */
  prepare(specs: Readonly<Record<string, UpstreamSpec>>, material: TlsMaterial): UpstreamSet {
    const files = createHash('sha256').update(JSON.stringify(material)).digest('base64');
    const keyed = new Map<string, OpenPool>();
    const named = new Map<string, OpenPool>();
    for (const [name, spec] of Object.entries(specs)) {
      const key = JSON.stringify([name, spec, files]);
      const pool = this.#open.get(key) ?? {
        ...createUpstreamPool(this.originOf(name), spec, material),
        cancelRetirement: undefined,
      };
      // It must not end between here and its adoption.
      if (pool.cancelRetirement !== undefined) this.#retireLater(key, pool);
      keyed.set(key, pool);
      named.set(name, pool);
    }
    return setOf(keyed, named);
  }

  /** Puts a prepared set in force. */
  adopt(set: UpstreamSet): void {
    const { keyed } = set as KeyedSet;
    for (const [key, pool] of keyed) {
      pool.cancelRetirement?.();
      pool.cancelRetirement = undefined;
      this.#open.set(key, pool);
    }
    for (const [key, pool] of this.#open) {
      if (!keyed.has(key) && pool.cancelRetirement === undefined) this.#retireLater(key, pool);
    }
    this.#current = set as KeyedSet;
  }

  /** A TLS connection to a target for WebSockets, verified like the pools'. */
  connectTarget(host: string, port: number): TLSSocket {
    for (const pool of [...this.#current.keyed.values(), ...this.#open.values()]) {
      const socket = pool.connect(host, port);
      if (socket !== undefined) return socket;
    }
    throw new Error('not the address of an upstream');
  }

  /** Cuts what is still open. By then the listeners have drained. */
  async close(): Promise<void> {
    const pools = [...this.#open.values()];
    for (const { cancelRetirement } of pools) cancelRetirement?.();
    await Promise.all([...pools.map(({ pool }) => pool), ...this.#ending].map((pool) => pool.destroy()));
  }

  #retireLater(key: string, pool: OpenPool): void {
    pool.cancelRetirement?.();
    pool.cancelRetirement = this.#clock.after(RETIRE_AFTER_MS, () => {
      this.#open.delete(key);
      this.#ending.add(pool.pool);
      const forget = (): void => void this.#ending.delete(pool.pool);
      pool.pool.close().then(forget, forget);
    });
  }
}

function setOf(keyed: ReadonlyMap<string, OpenPool>, named: ReadonlyMap<string, OpenPool>): KeyedSet {
  const poolOf = (name: string): OpenPool => {
    const pool = named.get(name);
    if (pool === undefined) throw new Error(`there is no upstream ${name}`);
    return pool;
  };
  return {
    keyed,
    dispatcherOf: (name) => poolOf(name).pool,
    targetOf: (name) => poolOf(name).nextTarget().origin,
    agent: new ByOrigin((name) => poolOf(name).pool),
  };
}

/** Not undici's Agent: that one closes a pool for good when its last connection ends or none can be made. */
class ByOrigin extends Dispatcher {
  readonly #poolOf: (upstream: string) => Pool;

  constructor(poolOf: (upstream: string) => Pool) {
    super();
    this.#poolOf = poolOf;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { hostname } = new URL(String(options.origin));
    return this.#poolOf(hostname.slice(0, -ORIGIN_SUFFIX.length)).dispatch(options, handler);
  }
}
