import type { Selectable } from 'kysely';
import type { Queries } from './database.js';
import type { AuditLogTable } from './tables.js';

export interface AuditQuery {
  sinceMs?: number | undefined;
  subject?: string | undefined;
  /** An action, or the part of it before the dot. */
  kind?: string | undefined;
  /** Only above this id. */
  after?: number | undefined;
  limit: number;
}

/** Records in order: the first ones after `after` or `sinceMs`, or the latest ones when neither is given. */
export async function readAuditRecords(db: Queries, query: AuditQuery): Promise<Selectable<AuditLogTable>[]> {
  const { sinceMs, subject, kind, after, limit } = query;
  const fromTheEnd = sinceMs === undefined && after === undefined;
  let select = db.selectFrom('audit_log').selectAll().limit(limit);
  if (sinceMs !== undefined) select = select.where('at', '>=', new Date(sinceMs));
  if (after !== undefined) select = select.where('id', '>', after);
  if (subject !== undefined) select = select.where('subject', '=', subject);
  if (kind !== undefined) {
    select = select.where((where) =>
      where.or([
        where('action', '=', kind),
        where(where.fn<string>('split_part', ['action', where.val('.'), where.lit(1)]), '=', kind),
      ]),
    );
  }
  const rows = await select.orderBy('id', fromTheEnd ? 'desc' : 'asc').execute();
  return fromTheEnd ? rows.reverse() : rows;
}
