import { createHash } from 'node:crypto';
import { Dispatcher } from 'undici';
import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { TlsMaterial } from '../../kit/tls-files.js';
import type { HasCaller } from './balancing/choose-by-hash.js';
import type { OwnConnection } from './balancing/own-connection.js';
import { lookupAddresses } from './balancing/target-addresses.js';
import type { TargetsDeps } from './balancing/targets.js';
import { Upstream } from './balancing/upstream.js';
import { UpstreamRecord } from './balancing/upstream-record.js';
import type { UpstreamSpec } from './balancing/upstream-spec.js';

/** The upstreams of one version of the config. */
export interface UpstreamSet {
  /** Where requests to the upstream go: to one of its targets. */
  dispatcherOf(upstream: string): Dispatcher;
  /** To one of its targets, for what does not go through the pools. `signal` ends the wait for a turn. */
  connect(upstream: string, signal: AbortSignal, caller: HasCaller): Promise<OwnConnection>;
  /** Like {@link UpstreamConnections.agent}, for this version alone. */
  agent: Dispatcher;
}

const ORIGIN_SUFFIX = '.upstream.invalid';

/**
 * From taking its snapshot to its last look at a pool a request waits for a key set and an API key, 2 s each at most
 * (design 4.11). A pool that the config no longer names is closed to new requests well after that.
 */
export const RETIRE_AFTER_MS = 10_000;

interface OpenUpstream {
  upstream: Upstream;
  /** Set while the config in force does not have it. */
  cancelRetirement: (() => void) | undefined;
}

interface KeyedSet extends UpstreamSet {
  /** By what makes an upstream another one: all of its settings but the weights, and the TLS files. */
  keyed: ReadonlyMap<string, OpenUpstream>;
  specs: Readonly<Record<string, UpstreamSpec>>;
}

/**
 * Every connection to an upstream shows the gateway's certificate and goes on only when the other side proves to be
 * the upstream: internal CA and SPIFFE id. The proxy libraries verify nothing unless they get an Agent of ours
 * (CVE-2026-107318).
 *
 * A reload prepares a set of upstreams and then adopts it. Those that it leaves unchanged, or changes the weights of, keep
 * their connections and what they know of their targets; one that is no longer named lets its requests and streams end.
 */
export class UpstreamConnections {
  readonly #clock: Clock;
  readonly #deps: TargetsDeps;
  readonly #logger: Logger | undefined;
  readonly #records = new Map<string, UpstreamRecord>();
  /** Those of the set in force, and of earlier ones while a new request may still need them. */
  readonly #open = new Map<string, OpenUpstream>();
  /** Those that only wait for their last request to end, which for a stream may take days. */
  readonly #ending = new Set<Upstream>();
  #current: KeyedSet = setOf(new Map(), new Map(), {});

  /** For undici: requests to {@link originOf} an upstream go to one of its targets, as the config in force has them. */
  readonly agent: Dispatcher = new ByOrigin((name) => this.#current.dispatcherOf(name));

  constructor(
    clock: Clock,
    {
      random = Math.random,
      lookup = lookupAddresses,
      logger,
    }: Partial<TargetsDeps> & { logger?: Logger } = {},
  ) {
    this.#clock = clock;
    this.#logger = logger;
    this.#deps = { clock, random, lookup };
  }

  /** The stable origin that stands for an upstream. It resolves nowhere else. */
  originOf(name: string): string {
    return `https://${name}${ORIGIN_SUFFIX}`;
  }

  /** Changes nothing yet, and opens no connection. Throws where `material` is no use to TLS. */
  prepare(specs: Readonly<Record<string, UpstreamSpec>>, material: TlsMaterial): UpstreamSet {
    const files = createHash('sha256').update(JSON.stringify(material)).digest('base64');
    const keyed = new Map<string, OpenUpstream>();
    const named = new Map<string, Upstream>();
    for (const [name, spec] of Object.entries(specs)) {
      const key = JSON.stringify([name, { ...spec, targets: spec.targets.map(({ url }) => url) }, files]);
      const open = this.#open.get(key) ?? {
        upstream: new Upstream(this.#recordOf(name), spec, material, this.#deps),
        cancelRetirement: undefined,
      };
      // It must not end between here and its adoption.
      if (open.cancelRetirement !== undefined) this.#retireLater(key, open);
      keyed.set(key, open);
      named.set(name, open.upstream);
    }
    return setOf(keyed, named, specs);
  }

  /** Puts a prepared set in force. */
  adopt(set: UpstreamSet): void {
    const { keyed, specs } = set as KeyedSet;
    for (const [key, open] of keyed) {
      open.cancelRetirement?.();
      open.cancelRetirement = undefined;
      if (!this.#open.has(key)) open.upstream.start();
      this.#open.set(key, open);
      open.upstream.weigh(specs[open.upstream.name]?.targets ?? []);
    }
    for (const [key, open] of this.#open) {
      if (!keyed.has(key) && open.cancelRetirement === undefined) this.#retireLater(key, open);
    }
    for (const name of this.#records.keys()) if (specs[name] === undefined) this.#records.delete(name);
    this.#current = set as KeyedSet;
  }

  /** Those of the config in force. */
  upstreams(): Upstream[] {
    return [...this.#current.keyed.values()].map(({ upstream }) => upstream);
  }

  /** Cuts what is still open. By then the listeners have drained. */
  async close(): Promise<void> {
    const open = [...this.#open.values()];
    for (const { cancelRetirement } of open) cancelRetirement?.();
    const upstreams = [...open.map(({ upstream }) => upstream), ...this.#ending];
    await Promise.all(upstreams.map((upstream) => upstream.destroy()));
  }

  #recordOf(name: string): UpstreamRecord {
    const record = this.#records.get(name) ?? new UpstreamRecord(name, this.#logger);
    this.#records.set(name, record);
    return record;
  }

  #retireLater(key: string, open: OpenUpstream): void {
    open.cancelRetirement?.();
    open.cancelRetirement = this.#clock.after(RETIRE_AFTER_MS, () => {
      const { upstream } = open;
      this.#open.delete(key);
      this.#ending.add(upstream);
      const forget = (): void => void this.#ending.delete(upstream);
      upstream.close().then(forget, forget);
    });
  }
}

function setOf(
  keyed: ReadonlyMap<string, OpenUpstream>,
  named: ReadonlyMap<string, Upstream>,
  specs: Readonly<Record<string, UpstreamSpec>>,
): KeyedSet {
  const upstreamOf = (name: string): Upstream => {
    const upstream = named.get(name);
    if (upstream === undefined) throw new Error(`there is no upstream ${name}`);
    return upstream;
  };
  return {
    keyed,
    specs,
    dispatcherOf: upstreamOf,
    connect: (name, signal, caller) => upstreamOf(name).ownConnection(signal, caller),
    agent: new ByOrigin(upstreamOf),
  };
}

/** Not undici's Agent: that one closes a pool for good when its last connection ends or none can be made. */
class ByOrigin extends Dispatcher {
  readonly #upstreamOf: (upstream: string) => Dispatcher;

  constructor(upstreamOf: (upstream: string) => Dispatcher) {
    super();
    this.#upstreamOf = upstreamOf;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { hostname } = new URL(String(options.origin));
    return this.#upstreamOf(hostname.slice(0, -ORIGIN_SUFFIX.length)).dispatch(options, handler);
  }
}
