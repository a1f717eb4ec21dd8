import { Problem } from '../../contracts/problem.js';
import type { Envelope } from '../keys/envelope.js';
import type { Database } from '../stores/database.js';
import type { VerifyOwnToken } from './access-token.js';
import type { EndAllRequest } from './end-all-sessions.js';
import type { EndingSession } from './end-session.js';
import { findPresentedFamily } from './find-presented-family.js';
import { isUuid } from './new-uuid.js';
import { parseRefreshToken } from './refresh-token.js';

/** Everything that either kind of logout needs to know of the session that asks. */
export type IdentifiedSession = EndingSession & EndAllRequest;

export interface IdentifySession {
  /**
   * Rejects with Problem `token_*`; with `token_claims` for the token of a service, which has no session: its `sid` is the
   * credential, which one token that leaked must not end for all the others.
   */
  byAccessToken(token: string): Promise<IdentifiedSession>;
  /** Any generation will do, expired or not: it is to end anyway. Rejects with Problem `refresh_token_invalid`. */
  byRefreshToken(text: string): Promise<IdentifiedSession>;
}

export function createIdentifySession(deps: {
  database: Database;
  envelope: Envelope;
  verifyOwnToken: VerifyOwnToken;
}): IdentifySession {
  return {
    async byAccessToken(token) {
      const { sub, sid, exp } = await deps.verifyOwnToken(token);
      if (!isUuid(sub)) throw new Problem('token_claims');
      return { subject: sub, sessionId: sid, accessExpiresS: exp };
    },
    async byRefreshToken(text) {
      const token = parseRefreshToken(text);
      const found = token && (await findPresentedFamily(deps, token));
      if (found === undefined) throw new Problem('refresh_token_invalid');
      const { id, userId } = found.family;
      return { subject: userId, sessionId: id };
    },
  };
}
