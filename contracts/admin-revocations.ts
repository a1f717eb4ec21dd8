/**
 * `POST /internal/admin/revocations`. `iss` is left out for our own issuer. `lifetime_s` is how long an entry is kept
 * of which nobody can know when its last token expires; default 30 days, the longest that we ever issue for.
 */
export type AdminRevocationRequest =
  | { kind: 'token'; jti: string; iss?: string; lifetime_s?: number }
  /** An access token of ours, as it is. */
  | { kind: 'token'; token: string }
  /** A session, an API key or a service's credential, by `sid`. */
  | { kind: 'session'; sid: string; iss?: string; lifetime_s?: number }
  /**
   * Everything that an account has going. `ver` (the lowest token version that is still good) is for one that does not
   * exist any more.
   */
  | { kind: 'subject'; sub: string; ver?: number; lifetime_s?: number }
  | { kind: 'key'; kid: string; iss?: string; lifetime_s?: number }
  /**
   * Tokens issued before that time (unix seconds; default now), and the sessions from before it where they are ours.
   * Of the whole issuer, or narrowed to a client, a subject or both.
   */
  | { kind: 'not-before'; before?: number; client?: string; sub?: string; iss?: string; lifetime_s?: number };

/** 200 with `revoked`, or 202 with `pending` when publishing has to wait (design 4.4). */
export type AdminRevocationResponse = { revoked: true } | { pending: true };
