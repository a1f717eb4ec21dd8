import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { errors } from 'undici';
import type { Clock } from '../../../kit/clock.js';
import type { ConnectionBounds } from '../balancing/upstream-spec.js';
import type { UpstreamTls } from '../upstream-tls.js';
import { handshakeError, withoutHttp2 } from './http2-errors.js';

/** Of one connection; more requests get another one. Servers announce a hundred as a rule, and may announce less. */
export const STREAMS_PER_CONNECTION = 100;
/** How long a connection that may be dead has for the answer to a PING. */
export const PING_TIMEOUT_MS = 5000;
/** How long the other side has to close a connection that has ended. */
const CLOSE_TIMEOUT_MS = 1000;

/** Of one response that nobody reads as much stays here, and of all those of a connection. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;
/** Of a response's headers, each with its overhead (RFC 9113 section 6.5.2). */
const HEADER_LIST_BYTES = 64 * 1024;
const HEADER_PAIRS = 256;
/** Of one connection, in MB as Node counts them: past it nothing more is taken in. */
const SESSION_MEMORY_MB = 64;
const KEEP_ALIVE_MS = 60_000;

export interface ConnectionPorts {
  origin: string;
  host: string;
  port: number;
  tls: UpstreamTls;
  bounds: Pick<ConnectionBounds, 'idleMs' | 'connectTimeoutMs'>;
  clock: Clock;
  /** It has room for requests, or more than before. */
  onRoom(): void;
  /** It came to nothing. */
  onFailure(error: Error): void;
  /** It is gone, after whatever else. */
  onClose(): void;
}

/** One verified HTTP/2 connection, from its handshake to its end. */
export class Http2Connection {
  readonly #ports: ConnectionPorts;
  readonly #socket: TLSSocket;
  #session: ClientHttp2Session | undefined;
  #streams = 0;
  #isLeaving = false;
  /** The last request that the other side looks at, once it has said so (GOAWAY). */
  #lastStreamId = Number.POSITIVE_INFINITY;
  #cancelConnect: () => void;
  #cancelIdle: () => void = () => undefined;
  #cancelPing: (() => void) | undefined;

  constructor(ports: ConnectionPorts) {
    const { host, port, tls, bounds, clock } = ports;
    this.#ports = ports;
    const socket = tlsConnect({ ...tls, host, port, servername: '', ALPNProtocols: ['h2'] });
    this.#socket = socket;
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    this.#cancelConnect = clock.after(bounds.connectTimeoutMs, () =>
      socket.destroy(new errors.ConnectTimeoutError('no handshake in time')),
    );
    let failure: Error | undefined;
    socket.on('error', (error: Error) => {
      failure ??= handshakeError(error);
    });
    socket.once('close', () => {
      this.#cancelConnect();
      if (this.#session !== undefined) return;
      ports.onFailure(failure ?? new errors.SocketError('the upstream closed the connection'));
      ports.onClose();
    });
    // Not before: what is on the wire so far is the handshake, and the other side has proven who it is.
    socket.once('secureConnect', () => {
      this.#cancelConnect();
      if (socket.alpnProtocol === 'h2') this.#open();
      else socket.destroy(withoutHttp2());
    });
  }

  get isConnecting(): boolean {
    return this.#session === undefined && !this.#socket.destroyed;
  }

  /** How many requests more it takes. */
  get room(): number {
    const session = this.#session;
    if (session === undefined || session.closed || session.destroyed) return 0;
    if (this.#isLeaving || this.#cancelPing !== undefined) return 0;
    const theirs = session.remoteSettings.maxConcurrentStreams ?? STREAMS_PER_CONNECTION;
    return Math.min(STREAMS_PER_CONNECTION, theirs) - this.#streams;
  }

  /** Throws where it takes no more requests, or none like this one. */
  request(
    headers: OutgoingHttpHeaders,
    options: { endStream: boolean; waitForTrailers: boolean },
  ): ClientHttp2Stream {
    if (this.#session === undefined) throw new Error('there is no connection yet');
    const stream = this.#session.request(headers, options);
    this.#streams += 1;
    this.#cancelIdle();
    stream.once('close', () => {
      this.#streams -= 1;
      this.#waitIdle();
      this.#ports.onRoom();
    });
    return stream;
  }

  /** The other side has said that it does not look at this request, or it never left. */
  neverTook({ id }: ClientHttp2Stream): boolean {
    return id === undefined || id > this.#lastStreamId;
  }

  /** It has been silent for too long: it gets no further requests, and is cut unless it answers a PING. */
  suspect(): void {
    const session = this.#session;
    if (session === undefined || session.destroyed || this.#cancelPing !== undefined) return;
    const cancel = this.#ports.clock.after(PING_TIMEOUT_MS, () =>
      session.destroy(Object.assign(new Error('no answer to a PING'), { code: 'ETIMEDOUT' })),
    );
    this.#cancelPing = cancel;
    session.ping(() => {
      cancel();
      this.#cancelPing = undefined;
      this.#ports.onRoom();
    });
  }

  /** Lets the requests under way end. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#session === undefined) this.#socket.destroy(new errors.ClientClosedError());
    else this.#session.close();
    this.#waitIdle();
  }

  destroy(): void {
    this.#isLeaving = true;
    const error = new errors.ClientDestroyedError();
    this.#session?.destroy(error);
    this.#socket.destroy(error);
  }

  #open(): void {
    const session = connect(this.#ports.origin, {
      createConnection: () => this.#socket,
      maxHeaderListPairs: HEADER_PAIRS,
      maxReservedRemoteStreams: 0,
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: HEADER_LIST_BYTES,
      },
    });
    this.#session = session;
    // Each stream is told of it, and so is whoever waits for `close`.
    session.on('error', () => undefined);
    session.on('remoteSettings', () => this.#ports.onRoom());
    session.on('goaway', (_code: number, lastStreamId: number) => {
      this.#isLeaving = true;
      this.#lastStreamId = lastStreamId;
      this.#waitIdle();
    });
    session.once('connect', () => {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      this.#waitIdle();
      this.#ports.onRoom();
    });
    session.once('close', () => {
      this.#isLeaving = true;
      this.#cancelIdle();
      this.#cancelPing?.();
      this.#ports.onClose();
    });
  }

  /** Without requests it is closed; and cut, where the other side does not close it as well. */
  #waitIdle(): void {
    if (this.#streams > 0) return;
    this.#cancelIdle();
    const { clock, bounds } = this.#ports;
    this.#cancelIdle = this.#isLeaving
      ? clock.after(CLOSE_TIMEOUT_MS, () => this.#socket.destroy())
      : clock.after(bounds.idleMs, () => this.leave());
  }
}
