import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { Dispatcher } from 'undici';
import { Problem } from '../../contracts/problem.js';
import { sendProblem } from '../../kit/problem-replies.js';
import type { Exchange, Forwarded } from '../pipeline/ports.js';
import type { Forwardable, InboundRequest } from '../pipeline/states.js';
import { type ForwardLimits, forwardHttp } from './forward-http.js';
import { discardBody } from './request-body.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the pipeline decided to send; null until it has. For the WebSocket proxy. */
    forwardable: Forwardable | null;
  }
}

export interface ExchangeOptions {
  dispatcherOf(upstream: string): Dispatcher;
  limits: ForwardLimits;
}

/**
 * Joins the pipeline to Fastify. The pipeline runs in the first hook. Plain HTTP is answered from there, straight on the
 * raw response; a WebSocket goes on (`proceed`) to the proxy's handler.
 */
export function openExchange(
  request: FastifyRequest,
  reply: FastifyReply,
  proceed: HookHandlerDoneFunction,
  { dispatcherOf, limits }: ExchangeOptions,
): Exchange {
  const inbound = inboundRequest(request);
  const refuse = (problem: Problem): void => {
    if (problem.headers['connection'] !== 'close') discardBody(request.raw);
    sendProblem(reply, problem);
  };
  return {
    request: inbound,
    refuse,
    forward(forwardable) {
      const { route } = forwardable;
      if (inbound.isUpgrade) return forwardWebSocket(request, reply, proceed, forwardable);
      if (Number(request.raw.headers['content-length'] ?? 0) > route.maxBodyBytes) {
        throw new Problem('body_too_large', { headers: { connection: 'close' } });
      }
      return forwardHttp(forwardable, request.raw, reply.raw, dispatcherOf(route.upstream), limits, refuse);
    },
    cut: () => void request.raw.socket.destroy(),
  };
}

function inboundRequest({ id, raw, ip, originalUrl }: FastifyRequest): InboundRequest {
  const headers = raw.rawHeaders.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text));
  return {
    id,
    method: raw.method ?? '',
    target: originalUrl,
    httpVersion: raw.httpVersion,
    headers,
    remoteAddress: ip,
    protocol: 'encrypted' in raw.socket ? 'https' : 'http',
    isUpgrade:
      raw.headers.upgrade?.toLowerCase() === 'websocket' && /\bupgrade\b/i.test(raw.headers.connection ?? ''),
  };
}

/** Resolves when the connection ends; until then it is the proxy's. */
function forwardWebSocket(
  request: FastifyRequest,
  reply: FastifyReply,
  proceed: HookHandlerDoneFunction,
  forwardable: Forwardable,
): Promise<Forwarded> {
  request.forwardable = forwardable;
  // The proxy reads its target from here: it sees only what was decided on.
  request.raw.url = forwardable.path + forwardable.query;
  return new Promise((resolve) => {
    request.raw.socket.once('close', () =>
      resolve({ status: reply.raw.headersSent ? reply.raw.statusCode : 101 }),
    );
    proceed();
  });
}
