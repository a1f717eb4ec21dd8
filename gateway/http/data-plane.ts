import { type IncomingMessage, METHODS } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, type TlsOptions } from 'node:tls';

import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  LogController,
} from 'fastify';
import type { Logger } from '../../kit/logger.js';
import { asProblem, installProblemReplies, sendProblem } from '../../kit/problem-replies.js';
import { handleRequest } from '../pipeline/handle-request.js';
import { type GatewayPorts, newTransfer, type OpenTraffic, type RequestFacts } from '../pipeline/ports.js';
import { answerClientErrors, endWithProblem, type RecordRefusal } from './answer-client-error.js';
import type { Edge } from './edge.js';
import { type ConnectTarget, registerWebSocketProxy } from './forward-websocket.js';
import { openExchange } from './open-exchange.js';
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
  connectTarget: ConnectTarget;
  /** Counted in place. */
  open: OpenTraffic;
  shutdown: Shutdown;
  limits: ConnectionLimits;
  /** Absent: plain HTTP. */
  certificates?: PublicCertificates | undefined;
  logger: Logger;
  newRequestId: () => string;
}

/**
 * The public server: one catch-all route. Fastify's own router sees `/` for every request, since it would decode and
 * reject paths in its own way; the gateway's route table decides on the path as sent, once.
 */
export async function createDataPlane(options: DataPlaneOptions): Promise<FastifyInstance> {
  const { gateway, edge, connectTarget, open, shutdown, limits, certificates, logger, newRequestId } =
    options;
  const recordRefusal = refusalRecorder(gateway);
  // Headers that are not whole in time are cut off; Node looks only every 30 s unless told otherwise.
  const server = {
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: Math.min(1000, limits.headersMs),
    maxHeaderSize: limits.headerBytes,
    requireHostHeader: false,
  };
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
    ...(certificates === undefined
      ? { http: server }
      : { https: { ...server, ...certificates.serverOptions() } }),
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply as unknown as FastifyReply, asProblem(error));
    },
  });
  installProblemReplies(app, ({ id }) => ({ reqId: id }));
  app.decorateRequest('forwardable', null);
  app.decorateRequest('edge', null);
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method))
      app.addHttpMethod(method, { hasBody: true });
  }

  const observers = { open, shutdown, monotonic: () => gateway.monotonic() };
  app.addHook('onRequest', (request, reply, proceed) => {
    reply.header('x-request-id', request.id);
    open.requests += 1;
    void handleRequest(openExchange(request, reply, proceed, edge(), observers), gateway).finally(() => {
      open.requests -= 1;
    });
  });
  await registerWebSocketProxy(app, connectTarget, () => edge().limits.clientStallMs);
  decideExpectationsHere(app);
  refuseConnect(app, recordRefusal);
  return app;
}

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

/** One outcome each for requests that were refused before there was a request. */
function refusalRecorder({ monotonic, record }: GatewayPorts): RecordRefusal {
  return ({ id, problem, socket }) => {
    const now = monotonic();
    record({
      request: unreadRequest(id, socket),
      route: undefined,
      status: problem.status,
      problem,
      decided: false,
      reported: undefined,
      issuer: undefined,
      subject: undefined,
      stale: false,
      transfer: newTransfer(),
      startedAt: now,
      endedAt: now,
    });
  };
}

function unreadRequest(id: string, socket: Duplex): RequestFacts {
  return {
    id,
    method: '',
    target: '',
    httpVersion: '',
    remoteAddress: (socket as Partial<Socket>).remoteAddress ?? '',
    protocol: socket instanceof TLSSocket ? 'https' : 'http',
    isUpgrade: false,
  };
}
