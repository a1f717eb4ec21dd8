import type { Clock } from '../../kit/clock.js';
import type { SessionConfig } from '../options.js';
import type { Database } from '../stores/database.js';
import { listLiveFamilies } from '../stores/refresh-families.js';
import type { Family } from './family.js';
import type { LiveSession } from './require-session.js';

export type ListSessions = (asking: LiveSession) => Promise<Family[]>;

/** More than anybody will read. The one that asks is always among them. */
const MAX_LISTED = 100;

/** The live sessions of the account that asks, the one used last first. */
export function createListSessions(deps: {
  database: Database;
  clock: Clock;
  settings: Pick<SessionConfig, 'idleMs' | 'absoluteMs'>;
}): ListSessions {
  const { database, clock, settings } = deps;
  return async ({ account, family }) => {
    const nowMs = clock.now();
    const after = { lastUsedMs: nowMs - settings.idleMs, createdMs: nowMs - settings.absoluteMs };
    const of = { userId: account.id, tokenVersion: account.tokenVersion };
    const families = await database.run((db) => listLiveFamilies(db, of, after, MAX_LISTED));
    return families.some(({ id }) => id === family.id) ? families : [family, ...families];
  };
}
