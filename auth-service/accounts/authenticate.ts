import { Problem } from '../../contracts/problem.js';
import type { Database } from '../stores/database.js';
import { findAccountByEmail } from '../stores/users.js';
import type { Account } from './account.js';
import { normaliseEmail } from './normalise-email.js';
import type { PasswordHasher } from './password-hasher.js';

export interface Credentials {
  email: string;
  password: string;
}

export type Authenticate = (credentials: Credentials) => Promise<Account>;

/**
 * The account of these credentials. An unknown address and a wrong password are the same answer after the same work;
 * that an account is disabled is told only to who knows its password.
 * Rejects with Problem `invalid_credentials`, `account_disabled`, `overloaded` or `store_unavailable`.
 */
export function createAuthenticate(deps: { database: Database; hasher: PasswordHasher }): Authenticate {
  const { database, hasher } = deps;
  return async ({ email, password }) => {
    const address = normaliseEmail(email);
    const account =
      address === undefined ? undefined : await database.run((db) => findAccountByEmail(db, address));
    const matches = await hasher.verify(account?.passwordHash, password);
    if (account === undefined || !matches) throw new Problem('invalid_credentials');
    if (account.status !== 'active') throw new Problem('account_disabled');
    return account;
  };
}
