import { Problem } from '../../contracts/problem.js';
import type { Account } from '../accounts/account.js';
import type { Database } from '../stores/database.js';
import { findFamily } from '../stores/refresh-families.js';
import { findAccount } from '../stores/users.js';
import type { VerifyOwnToken } from './access-token.js';
import type { Family } from './family.js';

/** A person's session that goes on, and its account as it is now. */
export interface LiveSession {
  account: Account;
  family: Family;
}

/** `jkt`: thumbprint of the key that the request proves. */
export type RequireSession = (accessToken: string, jkt: string | undefined) => Promise<LiveSession>;

/**
 * The session behind an access token that is good at this moment, by the database and not by a copy of it: for what a
 * person does to their own account. Services and API keys have no such session. Rejects with Problem `token_*` or
 * `account_disabled`.
 */
export function createRequireSession(deps: {
  database: Database;
  verifyOwnToken: VerifyOwnToken;
  nowS: () => number;
}): RequireSession {
  const { database, verifyOwnToken, nowS } = deps;
  return async (accessToken, jkt) => {
    const { sub, sid, ver, exp, cnf } = await verifyOwnToken(accessToken);
    if (exp <= nowS()) throw new Problem('token_expired');
    if (cnf !== undefined && (cnf.jkt === undefined || cnf.jkt !== jkt)) throw new Problem('token_binding');
    const family = await database.run((db) => findFamily(db, sid));
    if (family === undefined || family.revoked) throw new Problem('token_revoked');
    if (family.userId !== sub) throw new Problem('token_claims');
    const account = await database.run((db) => findAccount(db, sub));
    if (account === undefined) throw new Problem('token_revoked');
    if (account.status !== 'active') throw new Problem('account_disabled');
    if (account.tokenVersion !== ver) throw new Problem('token_revoked');
    return { account, family };
  };
}
