import { type IncomingMessage, METHODS, type RequestListener } from 'node:http';
import type { ServerOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';

import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerFactory,
  LogController,
} from 'fastify';
import type { Logger } from '../../kit/logger.js';
import { asProblem, installProblemReplies, sendProblem } from '../../kit/problem-replies.js';
import { handleRequest } from '../pipeline/handle-request.js';
import type { Exchange, GatewayPorts } from '../pipeline/ports.js';
import { AlpnServer } from './alpn-server.js';
import { answerClientErrors, endWithProblem, type RecordRefusal } from './answer-client-error.js';
import type { ClientConnections } from './client-connections.js';
import type { Edge } from './edge.js';
import { registerWebSocketProxy } from './forward-websocket.js';
import { HttpExchange } from './http-exchange.js';
import { Http2Exchange } from './http2-exchange.js';
import { Http2Listener } from './http2-listener.js';
import type { Mirrors } from './mirrors.js';
import { refusalRecorder } from './refusal-recorder.js';
import type { Shutdown } from './shutdown.js';

/** Bounds of one client connection. */
export interface ConnectionLimits {
  headersMs: number;
  headerBytes: number;
  keepAliveMs: number;
}

/** The public listener's certificates, as `https.createServer` takes them. */
export interface PublicCertificates {
  serverOptions(): TlsOptions;
}

export interface DataPlaneOptions {
  gateway: GatewayPorts;
  /** In force at the moment; asked once a request, at the same instant as the snapshot. */
  edge: () => Edge;
  shutdown: Shutdown;
  connections: ClientConnections;
  mirrors: Mirrors;
  limits: ConnectionLimits;
  /** Absent: plain HTTP. */
  certificates?: PublicCertificates | undefined;
  /** Offered to clients where there is TLS. */
  http2: boolean;
  logger: Logger;
  newRequestId: () => string;
}

/**
 * The public server: one catch-all route. Fastify's own router sees `/` for every request, since it would decode and
 * reject paths in its own way; the gateway's route table decides on the path as sent, once.
 */
export async function createDataPlane(options: DataPlaneOptions): Promise<FastifyInstance> {
  const { gateway, edge, shutdown, connections, mirrors } = options;
  const { limits, certificates, logger, newRequestId } = options;
  const recordRefusal = refusalRecorder(gateway);
  const observers = { open: gateway.open, shutdown, mirrors, monotonic: () => gateway.monotonic() };
  const serve = (exchange: Exchange): void => void handleRequest(exchange, gateway);
  // Headers that are not whole in time are cut off; Node looks only every 30 s unless told otherwise.
  const server = {
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: Math.min(1000, limits.headersMs),
    maxHeaderSize: limits.headerBytes,
    requireHostHeader: false,
  };
  // Node gives a TLS handshake two minutes.
  const tls =
    certificates === undefined
      ? undefined
      : { ...server, handshakeTimeout: limits.headersMs, ...certificates.serverOptions() };
  const http2 = new Http2Listener({
    limits: () => edge().limits,
    newRequestId,
    onCall: (call) => serve(new Http2Exchange(call, edge(), observers)),
    recordRefusal,
  });
  shutdown.onAnnounce(() => http2.close());
  const app: FastifyInstance = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger for each request would be made for the few that have something to say besides the access log.
    childLoggerFactory: (parent) => parent,
    genReqId: newRequestId,
    requestIdHeader: false,
    trustProxy: false,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    rewriteUrl: () => '/',
    clientErrorHandler: answerClientErrors(recordRefusal),
    ...(tls === undefined ? { http: server } : { https: tls }),
    ...(tls === undefined || !options.http2 ? {} : { serverFactory: alpnServers(tls, http2) }),
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply as unknown as FastifyReply, asProblem(error));
    },
  });
  installProblemReplies(app, ({ id }) => ({ reqId: id }));
  app.decorateRequest('forwardable', null);
  app.decorateRequest('upstreamConnection', null);
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method))
      app.addHttpMethod(method, { hasBody: true });
  }

  // Fastify would set its own on a server that it made, and leaves ours as it is.
  app.server.requestTimeout = 0;
  boundConnections(app, limits);
  app.addHook('onRequest', (request, reply, proceed) => {
    reply.header('x-request-id', request.id);
    if (connections.isLastRequest(request.raw.socket)) reply.raw.shouldKeepAlive = false;
    serve(new HttpExchange(request, reply, proceed, edge(), observers));
  });
  await registerWebSocketProxy(app, () => edge().limits.clientStallMs);
  decideExpectationsHere(app);
  refuseConnect(app, recordRefusal);
  connections.guard(app.server);
  return app;
}

/** Fastify's types know one kind of server at a time; it asks of ours what it asks of `https.Server`. */
const alpnServers = (tls: ServerOptions, http2: Http2Listener): FastifyServerFactory =>
  ((listener: RequestListener) => new AlpnServer(tls, listener, http2)) as unknown as FastifyServerFactory;

/** New connections and idle ones get other bounds; Node reads them off the server each time. */
export function boundConnections(app: FastifyInstance, limits: ConnectionLimits): void {
  const server = app.server as typeof app.server & { maxHeaderSize: number };
  server.headersTimeout = limits.headersMs;
  server.maxHeaderSize = limits.headerBytes;
  server.keepAliveTimeout = limits.keepAliveMs;
}

/** Node would answer `100 Continue` before anything is decided; nothing of a body is read before that (RFC 9110 10.1.1). */
function decideExpectationsHere(app: FastifyInstance): void {
  for (const event of ['checkContinue', 'checkExpectation']) app.server.on(event, app.routing);
}

/** CONNECT asks for a tunnel; Node would close the connection without a word. */
function refuseConnect(app: FastifyInstance, record: RecordRefusal): void {
  app.server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    const allow = 'allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
    endWithProblem(socket, 'method_not_allowed', record, [allow]);
  });
}
