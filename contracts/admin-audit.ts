/** `GET /internal/admin/audit`: records in order; without `after` and `since` the latest ones. */
export interface AdminAuditRecord {
  /** Grows. */
  id: number;
  /** ISO 8601. */
  at: string;
  /** `<kind>.<what happened>`, such as `session.login`. */
  action: string;
  /** `user:<id>`, `client:<id>`, `operator`, `anonymous` or `system`. */
  actor: string;
  /** The account or service it happened to. */
  subject: string | null;
  session_id: string | null;
  request_id: string | null;
  ip: string | null;
  user_agent: string | null;
  detail: Record<string, unknown>;
}

export interface AdminAudit {
  records: AdminAuditRecord[];
  /** What to give as `after` for the next page; null when there is none yet. */
  next: number | null;
}

export const MAX_AUDIT_PAGE = 500;
