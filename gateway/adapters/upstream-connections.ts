import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { buildConnector, Dispatcher, Pool } from 'undici';
import { type InternalClientTls, internalClientTls, type TlsMaterial } from '../../kit/tls-files.js';

/** An upstream as config names it: equal targets, and who has to answer at each of them. */
export interface UpstreamSpec {
  /** `https://host:port`, at least one. */
  targets: readonly string[];
  spiffeId: string;
}

export interface UpstreamConnections {
  /** The upstream's own connection pool. */
  dispatcherOf(upstream: string): Pool;
  /** For undici: requests to {@link originOf} an upstream go to one of its targets. */
  agent: Dispatcher;
  /** The stable origin that stands for an upstream. It resolves nowhere else. */
  originOf(upstream: string): string;
  /** One of the upstream's targets, for what does not go through the agent. */
  targetOf(upstream: string): string;
  /** A TLS connection to a target for WebSockets, verified like the agent's. */
  connectTarget(host: string, port: number): TLSSocket;
  /** Cuts what is still open. By then the listeners have drained. */
  close(): Promise<void>;
}

const ORIGIN_SUFFIX = '.upstream.invalid';
const CONNECT_TIMEOUT_MS = 3000;

/**
 * Every connection to an upstream shows the gateway's certificate and goes on only when the other side proves to be
 * the upstream: internal CA and SPIFFE id. The proxy libraries verify nothing unless they get an Agent of ours
 * (CVE-2026-107318). New connections take the targets in turn; one that does not answer is passed over, before a byte
 * of any request is sent.
 */
export function createUpstreamConnections(
  upstreams: Readonly<Record<string, UpstreamSpec>>,
  material: TlsMaterial,
): UpstreamConnections {
  const pools = new Map(
    Object.entries(upstreams).map(([name, spec]) => [name, createPool(originOf(name), spec, material)]),
  );
  const poolOf = (name: string) => {
    const pool = pools.get(name);
    if (pool === undefined) throw new Error(`there is no upstream ${name}`);
    return pool;
  };
  return {
    agent: new ByOrigin((name) => poolOf(name).pool),
    dispatcherOf: (name) => poolOf(name).pool,
    originOf,
    targetOf: (name) => poolOf(name).nextTarget().origin,
    connectTarget(host, port) {
      for (const pool of pools.values()) {
        const tls = pool.tlsFor(host, port);
        if (tls !== undefined) return tlsConnect({ ...tls, host, port, servername: '' });
      }
      throw new Error('not the address of an upstream');
    },
    close: async () => void (await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()))),
  };
}

const originOf = (name: string): string => `https://${name}${ORIGIN_SUFFIX}`;

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

type ConnectCallback = buildConnector.Callback;

function createPool(origin: string, { targets, spiffeId }: UpstreamSpec, material: TlsMaterial) {
  const urls = targets.map((target) => new URL(target));
  const tls = internalClientTls(material, spiffeId);
  const connector = buildConnector({ ...tls, timeout: CONNECT_TIMEOUT_MS, maxCachedSessions: 0 });
  let turn = 0;
  const nextTarget = (): URL => {
    const url = urls[turn++ % urls.length];
    if (url === undefined) throw new Error('an upstream needs a target');
    return url;
  };

  const connect: buildConnector.connector = (_options, callback) => {
    const attempt = (left: number): void => {
      const { hostname, port } = nextTarget();
      const options = { hostname: unbracket(hostname), port: port || '443', protocol: 'https:' };
      connector(options, (...result: Parameters<ConnectCallback>) => {
        if (result[0] !== null && left > 1) attempt(left - 1);
        else callback(...result);
      });
    };
    attempt(urls.length);
  };
  const pool = new Pool(origin, {
    connect,
    // Less than a server's usual five seconds, so that a request never meets a connection that is just closing.
    keepAliveTimeout: 4000,
    bodyTimeout: 0,
    pipelining: 1,
  });

  return {
    pool,
    nextTarget,
    tlsFor: (host: string, port: number): InternalClientTls | undefined =>
      urls.some((url) => unbracket(url.hostname) === host && Number(url.port || 443) === port)
        ? tls
        : undefined,
  };
}

const unbracket = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');
