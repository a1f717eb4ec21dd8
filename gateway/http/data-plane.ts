import { type IncomingMessage, METHODS, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import httpProxy from '@fastify/http-proxy';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  LogController,
} from 'fastify';
import type { Logger } from '../../kit/logger.js';
import { asProblem, installProblemReplies, sendProblem } from '../../kit/problem-replies.js';
import { handleRequest } from '../pipeline/handle-request.js';
import type { GatewayPorts } from '../pipeline/ports.js';
import { answerClientError } from './answer-client-error.js';
import { createForwarding, type UpstreamTransport } from './forwarding.js';
import { openExchange } from './open-exchange.js';

export interface DataPlaneOptions {
  gateway: GatewayPorts;
  upstreams: UpstreamTransport;
  logger: Logger;
  newRequestId: () => string;
}

/**
 * The public server: one catch-all route. Fastify's own router sees `/` for every request, since it would decode and
 * reject paths in its own way; the gateway's route table decides on the path as sent, once.
 */
export async function createDataPlane({
  gateway,
  upstreams,
  logger,
  newRequestId,
}: DataPlaneOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: newRequestId,
    requestIdHeader: false,
    trustProxy: false,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    rewriteUrl: () => '/',
    clientErrorHandler: answerClientError,
    // Headers that are not whole in 10 s are cut off; Node looks only every 30 s unless told otherwise.
    http: {
      headersTimeout: 10_000,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 16 * 1024,
      requireHostHeader: false,
    },
    requestTimeout: 0,
    keepAliveTimeout: 72_000,
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply as unknown as FastifyReply, asProblem(error));
    },
  });
  installProblemReplies(app);
  app.decorateRequest('forwardable', null);
  app.decorateRequest('forwardProblem', null);
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method))
      app.addHttpMethod(method, { hasBody: true });
  }

  app.addHook('onRequest', (request, reply, proceed) => {
    reply.header('x-request-id', request.id);
    void handleRequest(openExchange(request, reply, proceed), gateway);
  });
  await app.register(httpProxy, {
    ...createForwarding(upstreams),
    httpMethods: app.supportedMethods,
    routes: ['/'],
    websocket: true,
  });
  upgradeWebSocketsOnly(app);
  return app;
}

/**
 * Java's client and `curl --http2` offer `Upgrade: h2c` on ordinary requests; RFC 9110 section 7.8 lets a server ignore
 * an upgrade. The proxy would answer 400, so anything but a WebSocket is served as plain HTTP/1.1 and then closed.
 */
function upgradeWebSocketsOnly(app: FastifyInstance): void {
  const [proxyUpgrade] = app.server.listeners('upgrade');
  app.server.removeAllListeners('upgrade');
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket') {
      proxyUpgrade?.call(app.server, request, socket, head);
      return;
    }
    delete request.headers.upgrade;
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as import('node:net').Socket);
    response.on('finish', () => socket.end());
    app.routing(request, response);
  });
}
