import type { TLSSocket } from 'node:tls';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import type { Clock } from '../../kit/clock.js';
import type { ConnectionBounds } from './balancing/upstream-spec.js';
import { readEndsRight } from './end-of-response.js';
import { STREAMS_PER_CONNECTION } from './http2-upstream/http2-connection.js';
import { Http2Pool } from './http2-upstream/http2-pool.js';
import type { UpstreamTls } from './upstream-tls.js';

/** The verified connections to one address. */
export interface TargetPool {
  pool: Dispatcher;
  /** Requests that it carries at the same time. */
  capacity: number;
  /** For one request on a connection of its own; to be destroyed after it. */
  single(): Dispatcher;
  /** Opens connections that the pool takes before it makes any of its own. They last as long as idle ones. */
  warm(count: number): void;
  /** A connection of its own. */
  connect(): Promise<TLSSocket>;
  /** Lets what is under way end. */
  close(): Promise<void>;
  destroy(): Promise<void>;
}

export interface TargetPoolOptions {
  /** Only names the pool: it resolves nowhere, so that no mistake elsewhere makes a connection that was not verified (ADR 4). */
  origin: string;
  host: string;
  port: number;
  protocol: 'http1' | 'http2';
  bounds: ConnectionBounds;
  tls: UpstreamTls;
  clock: Clock;
}

export function createTargetPool(options: TargetPoolOptions): TargetPool {
  return options.protocol === 'http2' ? http2Pool(options) : http1Pool(options);
}

function http2Pool(options: TargetPoolOptions): TargetPool {
  const { bounds } = options;
  const pool = new Http2Pool({ ...options, max: bounds.max });
  return {
    pool,
    capacity: bounds.max * STREAMS_PER_CONNECTION,
    single: () => new Http2Pool({ ...options, max: 1 }),
    warm: (count) => pool.warm(count),
    connect: () => promised(http1Connector(options)),
    close: () => pool.close(),
    destroy: () => pool.destroy(),
  };
}

type ConnectAnew = (callback: buildConnector.Callback) => void;

function http1Connector({ host, port, tls, bounds }: TargetPoolOptions): ConnectAnew {
  const connect = buildConnector({ ...tls, timeout: bounds.connectTimeoutMs, maxCachedSessions: 0 });
  const address = { hostname: host, port: String(port), protocol: 'https:' };
  return (callback) =>
    connect(address, (...outcome) => {
      const [error, socket] = outcome;
      if (error === null) readEndsRight(socket);
      callback(...outcome);
    });
}

function promised(connectAnew: ConnectAnew): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    connectAnew((error, socket) => {
      if (error === null) resolve(socket as TLSSocket);
      else reject(error);
    });
  });
}

function http1Pool(options: TargetPoolOptions): TargetPool {
  const { origin, clock } = options;
  const { max, idleMs } = options.bounds;
  const connectAnew = http1Connector(options);
  const ready = new WarmSockets(idleMs, clock);
  const connector: buildConnector.connector = (_options, callback) => {
    const socket = ready.take();
    if (socket === undefined) {
      connectAnew(callback);
      return;
    }
    // In a whole turn of the event loop an end that has arrived shows; undici gives its own idle connections as much.
    setImmediate(() =>
      setImmediate(() => {
        if (socket.readable && !socket.destroyed) callback(null, ready.release(socket));
        else connectAnew(callback);
      }),
    );
  };
  const pool = new Pool(origin, {
    connect: connector,
    connections: max,
    keepAliveTimeout: idleMs,
    bodyTimeout: 0,
    pipelining: 1,
  });
  return {
    pool,
    capacity: max,
    single: () => new Client(origin, { connect: (_options, callback) => connectAnew(callback) }),
    warm(count) {
      for (let i = 0; i < count; i++)
        connectAnew((error, socket) => {
          if (error === null) ready.keep(socket as TLSSocket);
        });
    },
    connect: () => promised(connectAnew),
    close() {
      ready.close();
      return pool.close();
    },
    destroy() {
      ready.close();
      return pool.destroy();
    },
  };
}

/** Connections that nothing has been sent on. */
class WarmSockets {
  readonly #idleMs: number;
  readonly #clock: Clock;
  readonly #ready = new Set<TLSSocket>();
  readonly #unwatch = new Map<TLSSocket, () => void>();
  #closed = false;

  constructor(idleMs: number, clock: Clock) {
    this.#idleMs = idleMs;
    this.#clock = clock;
  }

  keep(socket: TLSSocket): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    const drop = (): void => void socket.destroy();
    const forget = (): void => {
      cancel();
      this.#ready.delete(socket);
      this.#unwatch.delete(socket);
    };
    const cancel = this.#clock.after(this.#idleMs, drop);
    socket.on('error', drop).on('end', drop).on('close', forget);
    this.#ready.add(socket);
    this.#unwatch.set(socket, () => {
      cancel();
      socket.off('error', drop).off('end', drop).off('close', forget);
    });
  }

  /** Still watched until it is released. */
  take(): TLSSocket | undefined {
    const [socket] = this.#ready;
    if (socket !== undefined) this.#ready.delete(socket);
    return socket;
  }

  release(socket: TLSSocket): TLSSocket {
    this.#unwatch.get(socket)?.();
    this.#unwatch.delete(socket);
    return socket;
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#unwatch.keys()) socket.destroy();
  }
}
