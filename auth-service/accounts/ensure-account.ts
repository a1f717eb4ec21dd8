import { randomUUID } from 'node:crypto';
import type { Clock } from '../../kit/clock.js';
import type { Database } from '../stores/database.js';
import { findAccountByEmail, insertAccountIfAbsent } from '../stores/users.js';
import { normaliseEmail } from './normalise-email.js';
import type { PasswordHasher } from './password-hasher.js';

export interface AccountSpec {
  email: string;
  password: string;
  roles: string[];
  scopes: string[];
}

export type EnsureAccount = (account: AccountSpec) => Promise<void>;

/** Makes the account when its address is not taken; one that exists stays as it is, password included. */
export function createEnsureAccount(deps: {
  database: Database;
  hasher: PasswordHasher;
  clock: Clock;
}): EnsureAccount {
  const { database, hasher, clock } = deps;
  return async ({ email, password, roles, scopes }) => {
    const address = normaliseEmail(email);
    if (address === undefined) throw new TypeError('not an e-mail address');
    const existing = await database.run((db) => findAccountByEmail(db, address));
    if (existing !== undefined) return;
    const account = {
      id: randomUUID(),
      email: address,
      passwordHash: await hasher.hash(password),
      roles,
      scopes,
    };
    await database.run((db) => insertAccountIfAbsent(db, account, new Date(clock.now())));
  };
}
