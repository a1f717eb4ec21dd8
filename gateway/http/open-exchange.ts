import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { Problem } from '../../contracts/problem.js';
import { sendProblem } from '../../kit/problem-replies.js';
import type { Exchange, Forwarded } from '../pipeline/ports.js';
import type { Forwardable, InboundRequest } from '../pipeline/states.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the pipeline decided to send; null until it has. */
    forwardable: Forwardable | null;
    /** Why forwarding failed, for the record. */
    forwardProblem: Problem | null;
  }
}

/** Joins the pipeline to Fastify: the pipeline decides in the first hook, and `proceed` lets the proxy go to work. */
export function openExchange(
  request: FastifyRequest,
  reply: FastifyReply,
  proceed: HookHandlerDoneFunction,
): Exchange {
  return {
    request: inboundRequest(request),
    forward(forwardable) {
      request.forwardable = forwardable;
      // The proxy and its WebSocket side read the target from here: they see only what was decided on.
      request.raw.url = forwardable.path + forwardable.query;
      const ended = replyEnded(request, reply);
      proceed();
      return ended;
    },
    refuse(problem) {
      sendProblem(reply, problem);
    },
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
    isUpgrade: raw.headers.upgrade !== undefined && /\bupgrade\b/i.test(raw.headers.connection ?? ''),
  };
}

/** Resolves when the reply has been sent, or the client has gone; for a WebSocket when its connection ends. */
function replyEnded(request: FastifyRequest, { raw }: FastifyReply): Promise<Forwarded> {
  return new Promise((resolve) => {
    raw.once('close', () => {
      const problem = request.forwardProblem;
      resolve({ status: raw.headersSent ? raw.statusCode : 0, ...(problem === null ? {} : { problem }) });
    });
  });
}
