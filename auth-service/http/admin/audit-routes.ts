import { Type } from 'typebox';
import { type AdminAudit, MAX_AUDIT_PAGE } from '../../../contracts/admin-audit.js';
import { Problem } from '../../../contracts/problem.js';
import type { Database } from '../../stores/database.js';
import { readAuditRecords } from '../../stores/read-audit.js';
import type { AddAdminRoutes } from '../admin-routes.js';

const DEFAULT_PAGE = 100;

const Text = Type.String({ minLength: 1, maxLength: 512 });
const Id = Type.String({ pattern: '^(0|[1-9][0-9]{0,15})$' });
export const AuditQuery = Type.Object(
  {
    since: Type.Optional(Text),
    subject: Type.Optional(Text),
    kind: Type.Optional(Text),
    after: Type.Optional(Id),
    limit: Type.Optional(Id),
  },
  { additionalProperties: false },
);

/** What has happened; there is no way to change it. */
export function auditRoutes(database: Database): AddAdminRoutes {
  return (admin) => {
    admin.get('/audit', { schema: { querystring: AuditQuery } }, async (request, reply) => {
      const { since, subject, kind, after, limit } = request.query;
      const rows = await database.run((db) =>
        readAuditRecords(db, {
          sinceMs: since === undefined ? undefined : timeOf(since),
          subject,
          kind,
          after: after === undefined ? undefined : Number(after),
          limit: Math.min(Math.max(Number(limit ?? DEFAULT_PAGE), 1), MAX_AUDIT_PAGE),
        }),
      );
      const records = rows.map(({ at, ...row }) => ({ ...row, at: at.toISOString() }));
      const body: AdminAudit = { records, next: records.at(-1)?.id ?? null };
      return reply.send(body);
    });
  };
}

function timeOf(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new Problem('request_invalid');
  return ms;
}
