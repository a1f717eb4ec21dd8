import type { Sealed } from '../keys/envelope.js';

export type EndReason = 'logout' | 'reuse';

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
}
