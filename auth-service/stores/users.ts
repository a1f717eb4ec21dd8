import type { Account, NewAccount } from '../accounts/account.js';
import type { Queries } from './database.js';

const ACCOUNT_COLUMNS = ['id', 'password_hash', 'status', 'roles', 'scopes', 'token_version'] as const;

interface AccountRow {
  id: string;
  password_hash: string;
  status: 'active' | 'disabled';
  roles: string[];
  scopes: string[];
  token_version: number;
}

export async function findAccountByEmail(db: Queries, email: string): Promise<Account | undefined> {
  const row = await db
    .selectFrom('users')
    .select(ACCOUNT_COLUMNS)
    .where('email', '=', email)
    .executeTakeFirst();
  return row && asAccount(row);
}

export async function findAccount(db: Queries, id: string): Promise<Account | undefined> {
  const row = await db.selectFrom('users').select(ACCOUNT_COLUMNS).where('id', '=', id).executeTakeFirst();
  return row && asAccount(row);
}

/**
 * The account, kept from changing until the transaction ends. A login takes it before it adds a session, so that
 * "log out everywhere" either sees that session or comes before it.
 */
export async function holdAccount(trx: Queries, id: string): Promise<Account | undefined> {
  const row = await trx
    .selectFrom('users')
    .select(ACCOUNT_COLUMNS)
    .where('id', '=', id)
    .forShare()
    .executeTakeFirst();
  return row && asAccount(row);
}

/** Raises the token version if it still is `from`. Returns the new one, or undefined when another was faster. */
export async function raiseTokenVersion(
  trx: Queries,
  id: string,
  from: number,
  now: Date,
): Promise<number | undefined> {
  const row = await trx
    .updateTable('users')
    .set({ token_version: from + 1, updated_at: now })
    .where('id', '=', id)
    .where('token_version', '=', from)
    .returning('token_version')
    .executeTakeFirst();
  return row?.token_version;
}

/** Adds the account unless its address is taken. */
export async function insertAccountIfAbsent(db: Queries, account: NewAccount, now: Date): Promise<void> {
  await db
    .insertInto('users')
    .values({
      id: account.id,
      email: account.email,
      password_hash: account.passwordHash,
      status: 'active',
      roles: account.roles,
      scopes: account.scopes,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.column('email').doNothing())
    .execute();
}

function asAccount(row: AccountRow): Account {
  return {
    id: row.id,
    passwordHash: row.password_hash,
    status: row.status,
    roles: row.roles,
    scopes: row.scopes,
    tokenVersion: row.token_version,
  };
}
