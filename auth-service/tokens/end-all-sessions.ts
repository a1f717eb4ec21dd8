import { Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database, Queries } from '../stores/database.js';
import { endFamiliesOf, findFamily } from '../stores/refresh-families.js';
import { findRevocation, insertRevocation } from '../stores/revocations.js';
import { raiseTokenVersion } from '../stores/users.js';
import { subjectEntryExpiry } from './revoke-account.js';

export interface EndAllRequest {
  subject: string;
  /** The session that asks; it has to be live. */
  sessionId: string;
  /** The account's token version as that session's token tells it. */
  tokenVersion: number;
}

export type EndAllSessions = (request: EndAllRequest, origin: Origin) => Promise<Ending>;

/**
 * "Log out everywhere": raises the account's token version, ends all its sessions and revokes what is older than the
 * new version, in one transaction. A token from before an earlier call changes nothing more. Rejects with Problem
 * `session_revoked` when the session that asks has ended: a token that was revoked must not log out its owner.
 */
export function createEndAllSessions(deps: {
  database: Database;
  clock: Clock;
  issuer: string;
  awaitPublished: AwaitPublished;
}): EndAllSessions {
  const { database, clock, issuer, awaitPublished } = deps;
  return async ({ subject, sessionId, tokenVersion }, origin) => {
    const nowMs = clock.now();
    const now = new Date(nowMs);
    const seq = await database.transaction(async (trx) => {
      const raised = await raiseTokenVersion(trx, subject, tokenVersion, now);
      if (raised === undefined) return findRevocation(trx, 'subject', subject);
      await requireLiveSession(trx, sessionId);
      await endFamiliesOf(trx, subject, nowMs);
      const exp = await subjectEntryExpiry(trx, subject, nowMs);
      const actor = `user:${subject}` as const;
      await insertAuditRecord(trx, { action: 'account.logout-all', actor, subject, sessionId, origin }, now);
      return insertRevocation(trx, { kind: 'subject', iss: issuer, sub: subject, ver: raised, exp }, now);
    });
    return seq === undefined ? 'revoked' : awaitPublished(seq);
  };
}

async function requireLiveSession(trx: Queries, sessionId: string): Promise<void> {
  const family = await findFamily(trx, sessionId);
  if (family === undefined || family.revoked) throw new Problem('session_revoked');
}
