import { Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database } from '../stores/database.js';
import { findFamily } from '../stores/refresh-families.js';
import { findRevocation } from '../stores/revocations.js';
import { lockAccount } from '../stores/users.js';
import { revokeAccount } from './revoke-account.js';

export interface EndAllRequest {
  subject: string;
  /** The session that asks; it has to be live. */
  sessionId: string;
}

export type EndAllSessions = (request: EndAllRequest, origin: Origin) => Promise<Ending>;

/**
 * "Log out everywhere": raises the account's token version, ends all its sessions and revokes what is older than the
 * new version, in one transaction. A session that an earlier call has ended changes nothing more. Rejects with Problem
 * `session_revoked` when the session that asks has ended: a token that was revoked must not log out its owner.
 */
export function createEndAllSessions(deps: {
  database: Database;
  clock: Clock;
  issuer: string;
  awaitPublished: AwaitPublished;
}): EndAllSessions {
  const { database, clock, issuer, awaitPublished } = deps;
  return async ({ subject, sessionId }, origin) => {
    const nowMs = clock.now();
    const now = new Date(nowMs);
    const seq = await database.transaction(async (trx) => {
      const account = await lockAccount(trx, subject);
      const family = await findFamily(trx, sessionId);
      if (account === undefined || family === undefined) throw new Problem('session_revoked');
      if (family.tokenVersion !== account.tokenVersion) return findRevocation(trx, 'subject', subject);
      if (family.revoked) throw new Problem('session_revoked');
      const actor = `user:${subject}` as const;
      await insertAuditRecord(trx, { action: 'account.logout-all', actor, subject, sessionId, origin }, now);
      return revokeAccount(trx, { issuer, subject, reason: 'logout-all' }, nowMs);
    });
    return seq === undefined ? 'revoked' : awaitPublished(seq);
  };
}
