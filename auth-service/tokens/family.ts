import type { Sealed } from '../keys/envelope.js';

/**
 * - `logout`: by itself; `ended`: by another session of its account
 * - `password`: the account has a new password; `disabled`: it may not log in any more
 * - `revoked`: by an operator
 */
export type EndReason = 'logout' | 'ended' | 'password' | 'disabled' | 'reuse' | 'revoked';

/** A refresh family: one session of one account (design 4.6). */
export interface Family {
  /** `sid`, a UUID. */
  id: string;
  userId: string;
  clientId: string;
  tokenVersion: number;
  /** Of the refresh token that is next. */
  generation: number;
  secret: Sealed;
  createdAtMs: number;
  lastUsedAtMs: number;
  /** First use of the parent of the current generation. */
  rotatedAtMs: number | undefined;
  /** Of the login or the latest rotation. */
  lastIp: string | undefined;
  lastUserAgent: string | undefined;
  /** Refreshes are paid for up to here (limit-refreshes.ts). */
  refreshCreditUntilMs: number | undefined;
  /** The key that its holder has to prove at each refresh (RFC 9449 section 5). */
  dpopJkt: string | undefined;
  revoked: boolean;
}

export interface NewFamily {
  id: string;
  userId: string;
  clientId: string;
  tokenVersion: number;
  secret: Sealed;
  createdAtMs: number;
  accessExpiresS: number;
  dpopJkt?: string | undefined;
  /** Who began it. */
  from?: { ip: string; userAgent: string | undefined } | undefined;
}
