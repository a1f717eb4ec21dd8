import type { Queries } from './database.js';

/** Where a request came from, for the record. */
export interface Origin {
  requestId: string;
  ip: string;
  userAgent: string | undefined;
}

export interface AuditRecord {
  action: 'session.logout' | 'session.reuse' | 'account.logout-all';
  subject: string;
  sessionId: string;
  origin: Origin;
  /** Never a secret, a token or an address. */
  detail?: Record<string, unknown>;
}

const MAX_USER_AGENT_LENGTH = 256;

/** Adds a record in the transaction of what it records. */
export async function insertAuditRecord(trx: Queries, record: AuditRecord, now: Date): Promise<void> {
  await trx
    .insertInto('audit_log')
    .values({
      at: now,
      action: record.action,
      subject: record.subject,
      session_id: record.sessionId,
      request_id: record.origin.requestId,
      ip: record.origin.ip,
      user_agent: record.origin.userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null,
      detail: JSON.stringify(record.detail ?? {}),
    })
    .execute();
}
