import { performServerHandshake, type ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { Problem } from '../../contracts/problem.js';
import { isGrpcType } from '../pipeline/grpc.js';
import type { RecordRefusal } from './answer-client-error.js';
import type { Http2Limits } from './edge.js';
import { GrpcReply } from './grpc-reply.js';
import type { Http2Call } from './http2-exchange.js';
import { Http2Reply } from './http2-reply.js';
import { Http2Request, readHead } from './http2-request.js';

export interface Http2ListenerOptions {
  /** In force at the moment. Those of a connection that is open stay as they were. */
  limits: () => Http2Limits;
  newRequestId: () => string;
  onCall: (call: Http2Call) => void;
  recordRefusal: RecordRefusal;
}

/** The pipeline's own limit is 1,000 headers; past this nghttp2 resets the stream without a word. */
const MAX_HEADER_PAIRS = 1100;
/** Between the limit that is answered with 431 and the one at which a stream is just reset. */
const HEADER_BYTES_SLACK = 4;

/** All HTTP/2 connections of the public listener. */
export class Http2Listener {
  readonly #options: Http2ListenerOptions;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: Http2ListenerOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** Takes a connection over whose TLS handshake has agreed on `h2`. */
  accept(socket: TLSSocket): void {
    const limits = this.#options.limits();
    const session = performServerHandshake(socket, {
      maxHeaderListPairs: MAX_HEADER_PAIRS,
      settings: {
        maxConcurrentStreams: limits.concurrentStreams,
        maxHeaderListSize: limits.headerBytes * HEADER_BYTES_SLACK,
        enablePush: false,
      },
    });
    const life = new SessionLife(session, socket, limits);
    this.#sessions.add(session);
    // Reported by `close` as well.
    session.on('error', () => undefined);
    session.on('close', () => {
      life.stop();
      this.#sessions.delete(session);
    });
    session.on('stream', (stream, headers, _flags, rawHeaders) => {
      life.onOpen();
      stream.once('close', () => life.onClose());
      // Now: it listens for what may come right behind the headers.
      const id = this.#options.newRequestId();
      const isGrpc = headers[':method'] === 'POST' && isGrpcType(headers['content-type'] ?? '');
      const Reply = isGrpc ? GrpcReply : Http2Reply;
      const reply = new Reply(stream, new Http2Request(stream, headers), id, limits.clientStallMs);
      // All that came in one piece is read first: what is opened and reset in one breath is not worth a look
      // (CVE-2023-44487). Microtasks run between two frames.
      setImmediate(() => {
        if (!reply.destroyed)
          this.#onRequest({ id, head: readHead(rawHeaders), isGrpc, reply, socket }, limits);
      });
    });
  }

  /**
   * No further requests; connections end with the last one under way. What a client has sent and was not taken up any
   * more it can safely send again, since GOAWAY says which request was the last (RFC 9113 section 6.8). Saying first that
   * there is no last one yet is not for Node: nghttp2 takes no request after its first GOAWAY, whatever that says.
   */
  close(): void {
    for (const session of this.#sessions) session.close();
  }

  /** Cuts everything off. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #onRequest(call: Http2Call, { headerBytes }: Http2Limits): void {
    const { id, head, reply, socket } = call;
    const problem =
      head.bytes > headerBytes ? new Problem('headers_too_large') : misdirection(head.method, head.scheme);
    if (problem === undefined) {
      this.#options.onCall(call);
      return;
    }
    reply.refuse(problem, []);
    this.#options.recordRefusal({ id, problem, socket });
  }
}

/** CONNECT asks for a tunnel, and any other scheme than our own for a proxy. */
function misdirection(method: string, scheme: string): Problem | undefined {
  if (method === 'CONNECT')
    return new Problem('method_not_allowed', {
      headers: { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' },
    });
  return scheme === 'https' ? undefined : new Problem('request_invalid');
}

/** When one HTTP/2 connection ends: without requests, or after enough of them. Pings do not keep it open. */
class SessionLife {
  readonly #session: ServerHttp2Session;
  readonly #socket: TLSSocket;
  readonly #limits: Http2Limits;
  #timer: NodeJS.Timeout;
  #streams = 0;
  #requests = 0;

  constructor(session: ServerHttp2Session, socket: TLSSocket, limits: Http2Limits) {
    const { headersMs } = limits;
    this.#session = session;
    this.#socket = socket;
    this.#limits = limits;
    this.#timer = setTimeout(() => session.destroy(), headersMs).unref();
  }

  onOpen(): void {
    this.#streams += 1;
    this.#requests += 1;
    clearTimeout(this.#timer);
    if (this.#requests === this.#limits.requestsPerConnection) this.#session.close();
  }

  onClose(): void {
    this.#streams -= 1;
    if (this.#streams > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), this.#limits.keepAliveMs).unref();
  }

  /** A client that reads nothing would keep the connection, even a session that is destroyed: GOAWAY is not delivered. */
  #end(): void {
    this.#session.close();
    this.#timer = setTimeout(() => this.#socket.destroy(), this.#limits.clientStallMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
