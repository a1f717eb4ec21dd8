import { sql } from 'kysely';
import { afterCommit } from './after-commit.js';
import type { Queries } from './database.js';

/** Where a request came from, for the record. */
export interface Origin {
  requestId: string;
  ip: string;
  userAgent: string | undefined;
}

/** Who did it. `anonymous` has proved nothing (yet); `system` is this service by itself. */
export type Actor = `user:${string}` | `client:${string}` | 'operator' | 'anonymous' | 'system';

/** `<area>.<what happened>`; the area is what `gatehouse audit --kind` takes. */
export type AuditAction =
  | 'session.login'
  | 'session.login-failed'
  | 'session.logout'
  | 'session.reuse'
  | 'session.ended'
  | 'account.logout-all'
  | 'account.created'
  | 'account.disabled'
  | 'account.enabled'
  | 'account.access-changed'
  | 'account.password-changed'
  | 'account.password-failed'
  | 'account.reset-link'
  | 'account.password-reset'
  | 'revocation.token'
  | 'revocation.session'
  | 'revocation.subject'
  | 'revocation.key'
  | 'revocation.not-before'
  | 'client.created'
  | 'client.rotated'
  | 'client.disabled'
  | 'api-key.created'
  | 'api-key.rotated'
  | 'api-key.revoked'
  | 'key.created'
  | 'key.active'
  | 'key.retiring'
  | 'key.gone'
  | 'key.rewrapped';

export interface AuditRecord {
  action: AuditAction;
  actor: Actor;
  /** The account or service it happened to, where there is one. */
  subject?: string | undefined;
  sessionId?: string | undefined;
  /** Left out for what happened without a request. */
  origin?: Origin | undefined;
  /** Never a secret, a token or an e-mail address. */
  detail?: Record<string, unknown> | undefined;
}

export const MAX_USER_AGENT_LENGTH = 256;

/**
 * Adds a record in the transaction of what it records, and logs it once that has committed. The table is append-only:
 * the database refuses to change or remove a record.
 */
export async function insertAuditRecord(trx: Queries, record: AuditRecord, now: Date): Promise<void> {
  const { action, actor, subject, sessionId, origin, detail = {} } = record;
  await trx
    .insertInto('audit_log')
    .values({
      at: now,
      action,
      actor,
      subject: subject ?? null,
      session_id: sessionId ?? null,
      request_id: origin?.requestId ?? null,
      ip: origin?.ip ?? null,
      user_agent: origin?.userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null,
      detail: JSON.stringify(detail),
    })
    .execute();
  const event = { action, actor, subject, sessionId, requestId: origin?.requestId, ip: origin?.ip, detail };
  afterCommit(trx, (logger) => logger.info({ audit: event }, `audit: ${action}`));
}

/** Removes up to `limit` records from before then, through the one door that the table has. Returns how many. */
export async function removeOldAuditRecords(db: Queries, beforeMs: number, limit: number): Promise<number> {
  const { rows } = await sql<{ removed: number }>`
    SELECT audit_log_remove_before(${new Date(beforeMs)}, ${limit}) AS removed`.execute(db);
  return rows[0]?.removed ?? 0;
}
