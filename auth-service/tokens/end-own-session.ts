import { Problem } from '../../contracts/problem.js';
import type { Ending } from '../revocation/await-published.js';
import type { Origin } from '../stores/audit.js';
import type { Database } from '../stores/database.js';
import { findFamily } from '../stores/refresh-families.js';
import type { EndSession } from './end-session.js';
import type { LiveSession } from './require-session.js';

export type EndOwnSession = (asking: LiveSession, sessionId: string, origin: Origin) => Promise<Ending>;

/**
 * Ends a session of the account that asks, be it that very one. Rejects with Problem `not_found` for somebody else's,
 * exactly as for none at all.
 */
export function createEndOwnSession(deps: { database: Database; endSession: EndSession }): EndOwnSession {
  const { database, endSession } = deps;
  return async ({ account, family: asking }, sessionId, origin) => {
    const family = await database.run((db) => findFamily(db, sessionId));
    if (family?.userId !== account.id) throw new Problem('not_found');
    const reason = sessionId === asking.id ? 'logout' : 'ended';
    return endSession({ sessionId, subject: account.id }, reason, origin);
  };
}
