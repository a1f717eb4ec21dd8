import type { Family } from './family.js';
import { formatRefreshToken } from './refresh-token.js';

/** What a login or a refresh hands out. */
export interface IssuedSession {
  sessionId: string;
  accessToken: string;
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
  nowMs: number;
  accessExpiresS: number;
  refreshExpiresMs: number;
}): IssuedSession {
  return {
    sessionId: parts.familyId,
    accessToken: parts.accessToken,
    expiresInS: parts.accessExpiresS - Math.floor(parts.nowMs / 1000),
    refreshToken: formatRefreshToken(parts.familyId, parts.generation, parts.secret),
    refreshExpiresInS: Math.floor((parts.refreshExpiresMs - parts.nowMs) / 1000),
  };
}
