import { REVOCATION_MARGIN_S } from '../../contracts/revocation.js';
import type { Clock } from '../../kit/clock.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import { type AuditAction, insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database } from '../stores/database.js';
import { endFamily } from '../stores/end-families.js';
import { findRevocation, insertRevocation } from '../stores/revocations.js';
import type { EndReason } from './family.js';

export interface EndingSession {
  sessionId: string;
  subject: string;
  /** `exp` of the access token at hand, for a session that the database does not know (any more). */
  accessExpiresS?: number;
}

export type EndSession = (
  session: EndingSession,
  reason: EndReason,
  origin: Origin,
  detail?: Record<string, unknown>,
) => Promise<Ending>;

const AUDIT_ACTION = {
  logout: 'session.logout',
  ended: 'session.ended',
  password: 'session.ended',
  disabled: 'session.ended',
  revoked: 'revocation.session',
  reuse: 'session.reuse',
} as const satisfies Record<EndReason, AuditAction>;

/**
 * Ends one session and revokes its access tokens, in one transaction. Ending it again changes nothing and tells how far
 * the revocation has come.
 */
export function createEndSession(deps: {
  database: Database;
  clock: Clock;
  issuer: string;
  awaitPublished: AwaitPublished;
}): EndSession {
  const { database, clock, issuer, awaitPublished } = deps;
  return async ({ sessionId, subject, accessExpiresS }, reason, origin, detail) => {
    const nowMs = clock.now();
    const nowS = Math.floor(nowMs / 1000);
    const now = new Date(nowMs);
    const seq = await database.transaction(async (trx) => {
      const endedExpiresS = await endFamily(trx, sessionId, reason, nowMs);
      const known = endedExpiresS === undefined ? await findRevocation(trx, 'session', sessionId) : undefined;
      const expiresS = endedExpiresS ?? accessExpiresS;
      if (known !== undefined || expiresS === undefined || expiresS + REVOCATION_MARGIN_S <= nowS)
        return known;
      // Who presents a token that was used before has not shown to be its owner.
      const actor = reason === 'reuse' ? 'anonymous' : (`user:${subject}` as const);
      const action = AUDIT_ACTION[reason];
      await insertAuditRecord(trx, { action, actor, subject, sessionId, origin, detail }, now);
      const exp = expiresS + REVOCATION_MARGIN_S;
      return insertRevocation(trx, { kind: 'session', iss: issuer, sid: sessionId, exp }, now);
    });
    return seq === undefined ? 'revoked' : awaitPublished(seq);
  };
}
