import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import type { Logger } from '../kit/logger.js';
import { installProblemReplies } from '../kit/problem-replies.js';
import type { TlsMaterial } from '../kit/tls-files.js';
import { gatehouseIdentity, gatewayServerOptions } from '../upstream-kit/index.js';

const MAX_BODY_BYTES = 1024 * 1024;

export type StubServer = Awaited<ReturnType<typeof createServer>>;

/**
 * What all stubs have in common: mTLS, the gateway as the only peer, problem replies, and `GET /health`, which answers
 * the gateway's probes without an identity.
 */
export async function createServer(tls: TlsMaterial, logger: Logger) {
  const app = Fastify({
    https: gatewayServerOptions(tls),
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: 'x-request-id', // the gateway is the only one who can send it
    bodyLimit: MAX_BODY_BYTES,
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_BODY_BYTES },
  });
  await app.register(gatehouseIdentity);
  installProblemReplies(app);
  app.addHook('onSend', (_request, reply, _payload, next) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    next();
  });
  app.get('/health', { config: { withoutIdentity: true } }, () => ({ status: 'ok' }));
  return app;
}
