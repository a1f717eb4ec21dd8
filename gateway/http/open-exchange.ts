import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { Problem } from '../../contracts/problem.js';
import type { AddressList } from '../../kit/address-list.js';
import { sendProblem } from '../../kit/problem-replies.js';
import { checkDeclaredLength } from '../pipeline/check-declared-length.js';
import { type Exchange, newTransfer, type OpenTraffic } from '../pipeline/ports.js';
import type { Forwardable, HeaderList, InboundRequest } from '../pipeline/states.js';
import { closeConnection, cutConnection } from './cut-connection.js';
import type { Edge, UpstreamConnection } from './edge.js';
import { forwardHttp } from './forward-http.js';
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
export function openExchange(
  request: FastifyRequest,
  reply: FastifyReply,
  proceed: HookHandlerDoneFunction,
  edge: Edge,
  observers: Observers,
): Exchange {
  const { upstreams, limits, trustedProxies } = edge;
  const inbound = inboundRequest(request, trustedProxies);
  const transfer = newTransfer();
  const webSocket = inbound.isUpgrade ? new OpenWebSocket(request, reply) : undefined;
  const refuse = (problem: Problem, headers: HeaderList): void => {
    observers.shutdown.closeAfter(reply.raw);
    if (problem.headers['connection'] !== 'close') discardBody(request.raw);
    setHeaders(reply, headers);
    sendProblem(reply, problem);
    transfer.bytesOut = bodyBytes(reply);
  };
  const breakOff = (): void => cutConnection(request.raw);
  return {
    request: inbound,
    transfer,
    refuse,
    forward(forwardable) {
      const { route } = forwardable;
      if (webSocket !== undefined) {
        return webSocket.forward(forwardable, transfer, observers, upstreams, proceed);
      }
      checkDeclaredLength(forwardable);
      const dispatcher = upstreams.dispatcherOf(route.upstream);
      const observed = { transfer, since: Number.NaN, ...observers };
      return forwardHttp(forwardable, request.raw, reply.raw, dispatcher, limits, observed, {
        refuse: (problem) => refuse(problem, forwardable.responseHeaders),
        cut: breakOff,
        breakOff,
        leave: () => closeConnection(request.raw),
      }).ended;
    },
    mirror: (mirrored) => observers.mirrors.mirror(mirrored, reply.raw, upstreams),
    answer({ status, headers, body }, further) {
      observers.shutdown.closeAfter(reply.raw);
      discardBody(request.raw);
      setHeaders(reply, further);
      setHeaders(reply, headers);
      // Fastify would give a type to text that is not there.
      reply.code(status).send(body === '' ? undefined : Buffer.from(body));
      transfer.bytesOut = bodyBytes(reply);
      return { status };
    },
    cut(why) {
      if (webSocket === undefined) breakOff();
      else webSocket.cut(why);
    },
  };
}

function inboundRequest(
  { id, raw, originalUrl }: FastifyRequest,
  trustedProxies: AddressList,
): InboundRequest {
  const { rawHeaders } = raw;
  const headers = new Array<string>(rawHeaders.length);
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers[i] = (rawHeaders[i] ?? '').toLowerCase();
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
