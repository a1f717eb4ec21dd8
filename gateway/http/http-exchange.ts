import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { Problem } from '../../contracts/problem.js';
import type { AddressList } from '../../kit/address-list.js';
import { sendProblem } from '../../kit/problem-replies.js';
import { checkDeclaredLength } from '../pipeline/check-declared-length.js';
import { lowerCaseName } from '../pipeline/header-names.js';
import {
  type AccessEnd,
  type Exchange,
  type Forwarded,
  type Mirrored,
  newTransfer,
  type OpenTraffic,
  type OwnAnswer,
} from '../pipeline/ports.js';
import type { Forwardable, HeaderList, InboundRequest } from '../pipeline/states.js';
import type { ClientSide } from './client-side.js';
import { closeConnection, cutConnection } from './cut-connection.js';
import type { Edge, UpstreamConnection } from './edge.js';
import { CLIENT_GONE, forwardHttp } from './forward-http.js';
import { isWebSocketUpgrade } from './forward-websocket.js';
import type { Mirrors } from './mirrors.js';
import { OpenWebSocket } from './open-websocket.js';
import { peerFacts } from './peer-facts.js';
import { discardBody } from './request-body.js';
import type { Shutdown } from './shutdown.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the pipeline decided to send; null until it has. For the WebSocket proxy. */
    forwardable: Forwardable | null;
    /** Where it goes on. For the WebSocket proxy. */
    upstreamConnection: UpstreamConnection | null;
  }
}

export interface Observers {
  open: OpenTraffic;
  shutdown: Shutdown;
  mirrors: Mirrors;
  /** Milliseconds that never jump back. */
  monotonic(): number;
}

/**
 * Joins the pipeline to Fastify. The pipeline runs in the first hook. Plain HTTP is answered from there, straight on the
 * raw response; a WebSocket goes on (`proceed`) to the proxy's handler.
 */
export class HttpExchange implements Exchange, ClientSide {
  readonly request: InboundRequest;
  readonly transfer = newTransfer();
  readonly clientRequest: IncomingMessage;
  readonly response: ServerResponse;
  readonly arrivedAt = Number.NaN;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #proceed: HookHandlerDoneFunction;
  readonly #edge: Edge;
  readonly #observers: Observers;
  readonly #webSocket: OpenWebSocket | undefined;

  constructor(
    request: FastifyRequest,
    reply: FastifyReply,
    proceed: HookHandlerDoneFunction,
    edge: Edge,
    observers: Observers,
  ) {
    this.request = inboundRequest(request, edge.trustedProxies);
    this.clientRequest = request.raw;
    this.response = reply.raw;
    this.#request = request;
    this.#reply = reply;
    this.#proceed = proceed;
    this.#edge = edge;
    this.#observers = observers;
    this.#webSocket = this.request.isUpgrade ? new OpenWebSocket(request, reply) : undefined;
  }

  forward(forwardable: Forwardable): Promise<Forwarded> {
    const { upstreams, limits } = this.#edge;
    if (this.#webSocket !== undefined)
      return this.#webSocket.forward(forwardable, this.transfer, this.#observers, upstreams, this.#proceed);
    checkDeclaredLength(forwardable);
    if (this.response.destroyed) return Promise.resolve(CLIENT_GONE);
    const dispatcher = upstreams.dispatcherOf(forwardable.route.upstream);
    return forwardHttp(forwardable, this, dispatcher, limits, this.#observers).ended;
  }

  mirror(mirrored: Mirrored): void {
    this.#observers.mirrors.mirror(mirrored, this.response, this.#edge.upstreams);
  }

  refuse(problem: Problem, headers: HeaderList): void {
    this.#observers.shutdown.closeAfter(this.response);
    if (problem.headers['connection'] !== 'close') discardBody(this.clientRequest);
    setHeaders(this.#reply, headers);
    sendProblem(this.#reply, problem);
    this.transfer.bytesOut = bodyBytes(this.#reply);
  }

  answer({ status, headers, body }: OwnAnswer, further: HeaderList): Forwarded {
    this.#observers.shutdown.closeAfter(this.response);
    discardBody(this.clientRequest);
    setHeaders(this.#reply, further);
    setHeaders(this.#reply, headers);
    // Fastify would give a type to text that is not there.
    this.#reply.code(status).send(body === '' ? undefined : Buffer.from(body));
    this.transfer.bytesOut = bodyBytes(this.#reply);
    return { status };
  }

  cut(why: AccessEnd): void {
    if (this.#webSocket === undefined) this.breakOff();
    else this.#webSocket.cut(why);
  }

  breakOff(): void {
    cutConnection(this.clientRequest);
  }

  leave(): void {
    closeConnection(this.clientRequest);
  }
}

function inboundRequest(
  { id, raw, originalUrl }: FastifyRequest,
  trustedProxies: AddressList,
): InboundRequest {
  const { rawHeaders } = raw;
  const headers = new Array<string>(rawHeaders.length);
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers[i] = lowerCaseName(rawHeaders[i] ?? '');
    headers[i + 1] = rawHeaders[i + 1] ?? '';
  }
  return {
    id,
    method: raw.method ?? '',
    target: originalUrl,
    httpVersion: raw.httpVersion,
    headers,
    isUpgrade: isWebSocketUpgrade(raw),
    ...peerFacts(raw.socket, headers, trustedProxies),
  };
}

/** Later ones win. */
function setHeaders(reply: FastifyReply, headers: HeaderList): void {
  for (let i = 0; i + 1 < headers.length; i += 2) reply.header(headers[i] ?? '', headers[i + 1]);
}

/** Of a reply that was sent whole. */
function bodyBytes(reply: FastifyReply): number {
  return reply.request.method === 'HEAD' ? 0 : Number(reply.getHeader('content-length') ?? 0);
}
