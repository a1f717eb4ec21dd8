import type { Socket } from 'node:net';
import { Problem } from '../../contracts/problem.js';
import { checkDeclaredLength } from '../pipeline/check-declared-length.js';
import {
  type AccessEnd,
  type Exchange,
  type Forwarded,
  type Mirrored,
  newTransfer,
  type OwnAnswer,
} from '../pipeline/ports.js';
import type { Forwardable, HeaderList, InboundRequest } from '../pipeline/states.js';
import type { ClientRequest, ClientSide } from './client-side.js';
import type { Edge } from './edge.js';
import { CLIENT_GONE, forwardHttp } from './forward-http.js';
import { grpcStatusOf } from './grpc-status.js';
import type { Observers } from './http-exchange.js';
import type { Http2Reply } from './http2-reply.js';
import { HTTP2_VERSION, type RequestHead } from './http2-request.js';
import { peerFacts } from './peer-facts.js';
import type { ResponseRelay } from './response-relay.js';

/** One request of an HTTP/2 connection. */
export interface Http2Call {
  id: string;
  head: RequestHead;
  isGrpc: boolean;
  reply: Http2Reply;
  /** The connection, which it shares with others. */
  socket: Socket;
}

/** Joins the pipeline to an HTTP/2 stream. Nothing here ever ends the connection: others are on it. */
export class Http2Exchange implements Exchange, ClientSide {
  readonly request: InboundRequest;
  readonly transfer = newTransfer();
  readonly clientRequest: ClientRequest;
  readonly response: Http2Reply;
  readonly arrivedAt: number;
  readonly #isGrpc: boolean;
  readonly #edge: Edge;
  readonly #observers: Observers;
  #relay: ResponseRelay | undefined;

  constructor(call: Http2Call, edge: Edge, observers: Observers) {
    this.request = inboundRequest(call, edge.trustedProxies);
    this.clientRequest = call.reply.req;
    this.response = call.reply;
    this.arrivedAt = observers.monotonic();
    this.#isGrpc = call.isGrpc;
    this.#edge = edge;
    this.#observers = observers;
  }

  forward(forwardable: Forwardable): Promise<Forwarded> {
    checkDeclaredLength(forwardable);
    if (this.response.destroyed) return Promise.resolve(CLIENT_GONE);
    const { upstreams, limits } = this.#edge;
    const dispatcher = upstreams.dispatcherOf(forwardable.route.upstream);
    this.#relay = forwardHttp(forwardable, this, dispatcher, limits, this.#observers);
    return this.#relay.ended;
  }

  mirror(mirrored: Mirrored): void {
    this.#observers.mirrors.mirror(mirrored, this.response, this.#edge.upstreams);
  }

  refuse(problem: Problem, headers: HeaderList): void {
    this.#note(problem);
    this.transfer.bytesOut = this.response.refuse(problem, headers);
  }

  answer({ status, headers, body }: OwnAnswer, further: HeaderList): Forwarded {
    this.transfer.bytesOut = this.response.answer(status, [...further, ...headers], Buffer.from(body));
    return { status };
  }

  cut(why: AccessEnd): void {
    this.#relay?.cut(new Problem(why));
  }

  breakOff(problem?: Problem): void {
    if (problem === undefined) {
      this.response.destroy();
      return;
    }
    this.#note(problem);
    this.response.cut(problem);
  }

  leave(): void {
    // GOAWAY says it for the whole connection.
  }

  #note(problem: Problem): void {
    if (this.#isGrpc) this.transfer.grpcStatus = grpcStatusOf(problem);
  }
}

function inboundRequest(
  { id, head, isGrpc, reply, socket }: Http2Call,
  trustedProxies: Edge['trustedProxies'],
): InboundRequest {
  const { method, path, headers } = head;
  return {
    id,
    method,
    target: path,
    httpVersion: HTTP2_VERSION,
    headers,
    bodyFollows: reply.req.bodyFollows,
    // RFC 8441 is not offered: clients open WebSockets over HTTP/1.1.
    isUpgrade: false,
    isGrpc,
    ...peerFacts(socket, headers, trustedProxies),
  };
}
