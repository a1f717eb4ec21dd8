import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ConfigHistoryReport, ConfigReload } from '../../contracts/admin-api.js';
import { Problem } from '../../contracts/problem.js';

/** Changes the config in force, and tells of it. Rejects nothing: refusals stand in the reports. */
export interface ConfigControl {
  reload(trigger: 'admin'): Promise<ConfigReload>;
  rollback(version: string | undefined): Promise<ConfigReload>;
  readonly historyReport: ConfigHistoryReport;
}

/** What changes something takes POST: a link or an image in a page cannot send one. */
export function addConfigRoutes(app: FastifyInstance, control: ConfigControl): void {
  app.get('/config/history', async () => control.historyReport);
  app.post('/config/reload', async (_request, reply) => answer(reply, await control.reload('admin')));
  app.post('/config/rollback', async (request, reply) =>
    answer(reply, await control.rollback(readVersion(request.body))),
  );
}

function answer(reply: FastifyReply, report: ConfigReload): FastifyReply {
  return reply.code(report.result === 'refused' ? 422 : 200).send(report);
}

/** `{"version": "…"}`, or nothing at all for the version before. */
function readVersion(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  const { version, ...others } = body as Record<string, unknown>;
  if (typeof body !== 'object' || Object.keys(others).length > 0) throw new Problem('json_invalid');
  if (version !== undefined && typeof version !== 'string') throw new Problem('json_invalid');
  return version;
}
