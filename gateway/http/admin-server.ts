import type { TlsOptions } from 'node:tls';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { KeySetReport, ReadinessReport, VersionReport } from '../../contracts/admin-api.js';
import type { ExplainRequest, Explanation } from '../../contracts/admin-explain.js';
import type { Logger } from '../../kit/logger.js';
import { installProblemReplies } from '../../kit/problem-replies.js';
import type { AdminGuard } from './admin-guard.js';
import { addConfigRoutes, type ConfigControl } from './config-routes.js';
import { registerExplainRoute } from './explain-route.js';

export interface AdminOptions {
  /** In force at the moment. */
  guard: () => AdminGuard;
  /** Absent: plain HTTP. */
  tls?: TlsOptions | undefined;
  readiness: () => ReadinessReport | Promise<ReadinessReport>;
  version: () => VersionReport;
  config: ConfigControl;
  keySets: () => KeySetReport;
  metrics: () => Promise<{ contentType: string; text: string }>;
  explain: (asked: ExplainRequest) => Promise<Explanation>;
  /** Begins to restart the workers, where there are any. */
  restart?: (() => void) | undefined;
  logger: Logger;
}

/** The admin listener: what the gateway does and holds, and what can be changed while it runs. */
export function createAdminServer({
  guard,
  tls,
  readiness,
  version,
  config,
  keySets,
  metrics,
  explain,
  restart,
  logger,
}: AdminOptions): FastifyInstance {
  const app: FastifyInstance = Fastify({
    ...(tls === undefined ? {} : { https: { ...tls, requestCert: true, rejectUnauthorized: true } }),
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
  });
  installProblemReplies(app);
  app.addHook('onRequest', async (request) => guard()(request));
  app.get('/live', async () => ({ status: 'ok' }));
  app.get('/version', async () => version());
  app.get('/ready', async (_request, reply) => {
    const state = await readiness();
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  addConfigRoutes(app, config);
  app.get('/jwks', async () => keySets());
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics();
    return reply.type(contentType).send(text);
  });
  registerExplainRoute(app, explain);
  if (restart !== undefined) {
    app.post('/workers/restart', async (_request, reply) => {
      restart();
      return reply.code(202).send({ restarting: true });
    });
  }
  return app;
}
