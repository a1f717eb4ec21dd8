import { type Selectable, sql } from 'kysely';
import type { Account, NewAccount } from '../accounts/account.js';
import type { Queries } from './database.js';
import type { UsersTable } from './tables.js';

type AccountRow = Selectable<UsersTable>;

export async function findAccountByEmail(db: Queries, email: string): Promise<Account | undefined> {
  const row = await db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst();
  return row && asAccount(row);
}

export async function findAccount(db: Queries, id: string): Promise<Account | undefined> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  return row && asAccount(row);
}

/**
 * The account, kept from changing until the transaction ends. A login takes it before it adds a session, so that
 * "log out everywhere" either sees that session or comes before it.
 */
export async function holdAccount(trx: Queries, id: string): Promise<Account | undefined> {
  const row = await trx.selectFrom('users').selectAll().where('id', '=', id).forShare().executeTakeFirst();
  return row && asAccount(row);
}

/** The account, alone with this transaction until it ends: no session is added to it meanwhile. */
export async function lockAccount(trx: Queries, id: string): Promise<Account | undefined> {
  const row = await trx.selectFrom('users').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  return row && asAccount(row);
}

/** Raises the token version. Returns the new one, or undefined when there is no such account. */
export async function raiseTokenVersion(trx: Queries, id: string, now: Date): Promise<number | undefined> {
  const row = await trx
    .updateTable('users')
    .set({ token_version: sql<number>`token_version + 1`, updated_at: now })
    .where('id', '=', id)
    .returning('token_version')
    .executeTakeFirst();
  return row?.token_version;
}

export async function setAccountStatus(
  trx: Queries,
  id: string,
  status: Account['status'],
  now: Date,
): Promise<void> {
  await trx.updateTable('users').set({ status, updated_at: now }).where('id', '=', id).execute();
}

export async function setAccountAccess(
  trx: Queries,
  id: string,
  access: Pick<Account, 'roles' | 'scopes'>,
  now: Date,
): Promise<void> {
  const { roles, scopes } = access;
  await trx.updateTable('users').set({ roles, scopes, updated_at: now }).where('id', '=', id).execute();
}

/** Gives the account another password, if it still has the one of this version. */
export async function replacePassword(
  trx: Queries,
  account: Pick<Account, 'id' | 'passwordVersion'>,
  passwordHash: string,
  now: Date,
): Promise<boolean> {
  const result = await trx
    .updateTable('users')
    .set({ password_hash: passwordHash, password_version: account.passwordVersion + 1, updated_at: now })
    .where('id', '=', account.id)
    .where('password_version', '=', account.passwordVersion)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Stores another hash of the same password; does nothing when there is a new password by now. */
export async function replacePasswordHash(
  db: Queries,
  account: Pick<Account, 'id' | 'passwordVersion'>,
  passwordHash: string,
): Promise<void> {
  await db
    .updateTable('users')
    .set({ password_hash: passwordHash })
    .where('id', '=', account.id)
    .where('password_version', '=', account.passwordVersion)
    .execute();
}

/** In order of their addresses, after the given one. */
export async function listAccounts(db: Queries, afterEmail: string, limit: number): Promise<Account[]> {
  const rows = await db
    .selectFrom('users')
    .selectAll()
    .where('email', '>', afterEmail)
    .orderBy('email')
    .limit(limit)
    .execute();
  return rows.map(asAccount);
}

/** Adds the account unless its address is taken. Returns whether it did. */
export async function insertAccountIfAbsent(db: Queries, account: NewAccount, now: Date): Promise<boolean> {
  const result = await db
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
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export function asAccount(row: Omit<AccountRow, 'updated_at'>): Account {
  return {
    id: row.id,
    email: row.email,
    passwordHash: row.password_hash,
    passwordVersion: row.password_version,
    status: row.status,
    roles: row.roles,
    scopes: row.scopes,
    tokenVersion: row.token_version,
    createdAtMs: row.created_at.getTime(),
  };
}
