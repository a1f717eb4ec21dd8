import type { Family } from './family.js';
import { formatRefreshToken } from './refresh-token.js';

/** What a login or a refresh hands out. */
export interface IssuedSession {
  sessionId: string;
  accessToken: string;
  /** The access token is good with a DPoP proof only. */
  isDpop: boolean;
  /** Of the access token. */
  scopes: readonly string[];
  /** Seconds. */
  expiresInS: number;
  refreshToken: string;
  /** Seconds until the session ends unless it is refreshed before. */
  refreshExpiresInS: number;
}

/** What the session's secret is sealed for (keys/envelope.ts). */
export const familySecretOwner = (familyId: Family['id']): string => `refresh-family:${familyId}`;

export function issuedSession(parts: {
  familyId: string;
  generation: number;
  secret: Buffer;
  accessToken: string;
  isDpop: boolean;
  scopes: readonly string[];
  nowMs: number;
  accessExpiresS: number;
  refreshExpiresMs: number;
}): IssuedSession {
  return {
    sessionId: parts.familyId,
    accessToken: parts.accessToken,
    isDpop: parts.isDpop,
    scopes: parts.scopes,
    expiresInS: parts.accessExpiresS - Math.floor(parts.nowMs / 1000),
    refreshToken: formatRefreshToken(parts.familyId, parts.generation, parts.secret),
    refreshExpiresInS: Math.floor((parts.refreshExpiresMs - parts.nowMs) / 1000),
  };
}
