import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastify, { type FastifyBaseLogger, type FastifyHttpsOptions, LogController } from 'fastify';
import type { Logger } from '../../kit/logger.js';
import { installProblemReplies } from '../../kit/problem-replies.js';
import { internalServerTls, type TlsMaterial } from '../../kit/tls-files.js';
import type { HttpServer } from './http-server.js';
import { acceptPeers } from './peer.js';

const MAX_BODY_BYTES = 4096; // an address, a long password, a refresh token
const REQUEST_TIMEOUT_MS = 10_000;
/** Longer than the gateway keeps an idle connection, so that it is the gateway who closes it. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/**
 * A listener of the auth service: internal mTLS, open to the certificates of `peers` (SPIFFE ids) only, problem+json
 * for every error.
 */
export function createServer(deps: {
  tls: TlsMaterial;
  logger: Logger;
  peers: readonly string[];
}): HttpServer {
  const { logger } = deps;
  const options: FastifyHttpsOptions<Server> = {
    https: internalServerTls(deps.tls),
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    exposeHeadRoutes: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    return503OnClosing: false,
    // One hop, the gateway: it is who connects, and the address it saw is the last one it names.
    trustProxy: (_address, hop) => hop === 0,
    genReqId: requestId,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  };
  const app: HttpServer = fastify(options).withTypeProvider<TypeBoxTypeProvider>();

  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.removeContentTypeParser('text/plain'); // JSON only: a cross-site form cannot send it without a preflight
  installProblemReplies(app);
  acceptPeers(app.server, deps.peers, logger);
  closeConnectionsOnStop(app);
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
  return app;
}

/** Fastify tells only requests that begin after the stop; one under way would keep its connection open, and the stop. */
function closeConnectionsOnStop(app: HttpServer): void {
  let isStopping = false;
  app.addHook('preClose', async () => {
    isStopping = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isStopping) reply.header('connection', 'close');
  });
}

/** The gateway's request id, so that both logs can be read together. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
