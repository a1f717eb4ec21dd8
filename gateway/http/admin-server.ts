import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { KeySetReport, ReadinessReport, VersionReport } from '../../contracts/admin-api.js';
import type { ExplainRequest, Explanation } from '../../contracts/admin-explain.js';
import { Problem } from '../../contracts/problem.js';
import type { Logger } from '../../kit/logger.js';
import { installProblemReplies } from '../../kit/problem-replies.js';
import { addConfigRoutes, type ConfigControl } from './config-routes.js';
import { registerExplainRoute } from './explain-route.js';

export interface AdminOptions {
  readiness: () => ReadinessReport;
  version: () => VersionReport;
  config: ConfigControl;
  keySets: () => KeySetReport;
  metrics: () => Promise<{ contentType: string; text: string }>;
  explain: (asked: ExplainRequest) => Promise<Explanation>;
  logger: Logger;
}

const LOCAL_HOST = /^(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]+)?$/;

/**
 * The admin listener, on loopback. A page in a browser on the same machine can reach it too, so requests from a foreign
 * origin, or under a name that was pointed at loopback (DNS rebinding), are refused.
 */
export function createAdminServer({
  readiness,
  version,
  config,
  keySets,
  metrics,
  explain,
  logger,
}: AdminOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
  });
  installProblemReplies(app);
  app.addHook('onRequest', async (request) => {
    if (!LOCAL_HOST.test(request.headers.host ?? '')) throw new Problem('host_unknown');
    const { origin } = request.headers;
    if (origin !== undefined && origin !== `http://${request.headers.host}`)
      throw new Problem('origin_not_allowed');
  });
  app.get('/live', async () => ({ status: 'ok' }));
  app.get('/version', async () => version());
  app.get('/ready', async (_request, reply) => {
    const state = readiness();
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  addConfigRoutes(app, config);
  app.get('/jwks', async () => keySets());
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics();
    return reply.type(contentType).send(text);
  });
  registerExplainRoute(app, explain);
  return app;
}
