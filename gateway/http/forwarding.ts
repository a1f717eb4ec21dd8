import type { IncomingHttpHeaders } from 'node:http';
import type { createConnection } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Agent, Dispatcher } from 'undici';
import { IDENTITY_PREFIX } from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';
import { sendProblem } from '../../kit/problem-replies.js';
import type { Forwardable, HeaderList } from '../pipeline/states.js';
import { limitBody } from './limit-body.js';
import { upstreamProblem } from './upstream-problem.js';

/** How the proxy reaches upstreams: verified connections only. */
export interface UpstreamTransport {
  agent: Agent;
  originOf(upstream: string): string;
  targetOf(upstream: string): string;
  connectTarget(host: string, port: number): TLSSocket;
}

/** Of one connection only (RFC 9110 section 7.6.1); the proxy passes an upstream's on unless told. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'trailer',
  'upgrade',
]);

/**
 * What @fastify/http-proxy has to be told to forward safely. It goes where the pipeline decided, with exactly the
 * headers that the pipeline made, over our own verified connections, and once: it would repeat a GET that was answered
 * 503 ten times (`retryDelay` is what stops that, `maxRetriesOn503: 0` is not).
 */
export function createForwarding(upstreams: UpstreamTransport) {
  const replyOptions: FastifyHttpProxyOptions['replyOptions'] = {
    getUpstream: (request) => {
      const { route } = decided(request as FastifyRequest);
      return isUpgrade(request as FastifyRequest)
        ? upstreams.targetOf(route.upstream)
        : upstreams.originOf(route.upstream);
    },
    rewriteRequestHeaders: (request) => headerObject(decided(request as FastifyRequest).upstreamHeaders),
    rewriteHeaders: (headers) => endToEnd(headers as IncomingHttpHeaders),
    retryDelay: () => null,
    onError: (reply, { error }) => answerFailure(reply as FastifyReply, error),
  };
  return {
    upstream: '',
    undici: { request: verifiedRequest(upstreams.agent) } as FastifyHttpProxyOptions['undici'] & object,
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    replyOptions,
    handler: (request: FastifyRequest, reply: FastifyReply, dest: string, options: object) => {
      const { route } = decided(request);
      const body = limitBody(request, route.maxBodyBytes);
      if (body instanceof Problem) return sendProblem(reply, body);
      return reply.from(dest, { ...options, timeout: route.timeoutMs });
    },
    wsServerOptions: { perMessageDeflate: false },
    wsClientOptions: {
      perMessageDeflate: false,
      rewriteRequestHeaders: (_headers: unknown, request: FastifyRequest) =>
        headerObject(withoutHandshake(decided(request).upstreamHeaders)),
      createConnection: ((options: { host: string; port: number | string }) =>
        upstreams.connectTarget(options.host, Number(options.port))) as unknown as typeof createConnection,
    },
  };
}

function decided(request: FastifyRequest): Forwardable {
  if (request.forwardable === null) throw new Problem('internal_error');
  return request.forwardable;
}

const isUpgrade = (request: FastifyRequest): boolean => decided(request).request.isUpgrade;

/** The proxy sets one time-out for headers and for pauses in the body; a stream may pause as long as it likes. */
function verifiedRequest(agent: Agent): Dispatcher['request'] {
  return ((
    options: Dispatcher.RequestOptions,
    callback: (error: Error | null, data: Dispatcher.ResponseData) => void,
  ) => agent.request({ ...options, bodyTimeout: 0 }, callback)) as Dispatcher['request'];
}

/** Repeated headers become one line, as RFC 9110 section 5.3 allows; cookies join by their own rule. */
function headerObject(headers: HeaderList): Record<string, string> {
  const joined: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const held = joined[name];
    joined[name] = held === undefined ? value : `${held}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return joined;
}

/** The WebSocket client writes its own handshake. */
function withoutHandshake(headers: HeaderList): HeaderList {
  return headers.filter((_, index) => {
    const name = headers[index - (index % 2)] ?? '';
    return !name.startsWith('sec-websocket-') && name !== 'host';
  });
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const listed = new Set(
    String(headers.connection ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !HOP_BY_HOP.has(name) && !listed.has(name) && !name.startsWith(IDENTITY_PREFIX),
    ),
  );
}

function answerFailure(reply: FastifyReply, error: Error): void {
  const problem = upstreamProblem(error.cause ?? error);
  reply.request.forwardProblem = problem;
  sendProblem(reply, problem);
}
