import { Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import { type Actor, insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database, Queries } from '../stores/database.js';
import { findAccountByEmail, insertAccountIfAbsent } from '../stores/users.js';
import { newUuid } from '../tokens/new-uuid.js';
import type { Account } from './account.js';
import { normaliseEmail } from './normalise-email.js';
import type { PasswordHasher } from './password-hasher.js';
import type { CheckPassword } from './password-policy.js';

export interface AccountRequest {
  email: string;
  /** Without one nobody can log in before a one-time link was used. */
  password: string | undefined;
  roles: string[];
  scopes: string[];
}

/** `also` runs in the same transaction. */
export type CreateAccount = <T>(
  request: AccountRequest,
  actor: Actor,
  origin: Origin,
  also: (trx: Queries, account: Account) => Promise<T>,
) => Promise<{ account: Account; result: T }>;

const RANDOM_PASSWORD_BYTES = 32;

/**
 * Makes an account. Rejects with Problem `email_invalid`, `email_taken`, `password_too_*`, `overloaded` or
 * `store_unavailable`.
 */
export function createCreateAccount(deps: {
  database: Database;
  clock: Clock;
  random: (size: number) => Buffer;
  hasher: PasswordHasher;
  checkPassword: CheckPassword;
}): CreateAccount {
  const { database, clock, random, hasher, checkPassword } = deps;
  return async ({ email: text, password, roles, scopes }, actor, origin, also) => {
    const email = normaliseEmail(text);
    if (email === undefined) throw new Problem('email_invalid');
    if (password !== undefined) checkPassword(password, { email });
    // A hash like any other, so that a login with this address takes the time of any other.
    const secret = password ?? random(RANDOM_PASSWORD_BYTES).toString('base64');
    const passwordHash = await hasher.hash(secret);
    const now = new Date(clock.now());
    const id = newUuid(random);
    return database.transaction(async (trx) => {
      const isNew = await insertAccountIfAbsent(trx, { id, email, passwordHash, roles, scopes }, now);
      const account = isNew ? await findAccountByEmail(trx, email) : undefined;
      if (account === undefined) throw new Problem('email_taken');
      const detail = { roles, scopes };
      await insertAuditRecord(trx, { action: 'account.created', actor, subject: id, origin, detail }, now);
      return { account, result: await also(trx, account) };
    });
  };
}
