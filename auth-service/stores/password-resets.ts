import type { Queries } from './database.js';

/** A one-time link, by the hash of its token. */
export interface PasswordReset {
  userId: string;
  tokenHash: Buffer;
  expiresAtMs: number;
}

/** Stores a link; one that the account had before is no longer valid. */
export async function storePasswordReset(trx: Queries, reset: PasswordReset, now: Date): Promise<void> {
  const values = {
    token_hash: reset.tokenHash,
    created_at: now,
    expires_at: new Date(reset.expiresAtMs),
  };
  await trx
    .insertInto('password_resets')
    .values({ user_id: reset.userId, ...values })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(values))
    .execute();
}

/** The account that a link is for, while it is valid. */
export async function findPasswordReset(
  db: Queries,
  tokenHash: Buffer,
  now: Date,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('password_resets')
    .select('user_id')
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row?.user_id;
}

/** Uses a link up. `false` when it is not valid (any more): of two who use it at once one gets `true`. */
export async function takePasswordReset(trx: Queries, tokenHash: Buffer, now: Date): Promise<boolean> {
  const result = await trx
    .deleteFrom('password_resets')
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return result.numDeletedRows === 1n;
}

/** Takes back whatever link the account has. */
export async function dropPasswordReset(trx: Queries, userId: string): Promise<void> {
  await trx.deleteFrom('password_resets').where('user_id', '=', userId).execute();
}

/** Removes up to `limit` links that have expired; skips rows in use. Returns how many. */
export async function removeExpiredPasswordResets(
  db: Queries,
  beforeMs: number,
  limit: number,
): Promise<number> {
  const expired = db
    .selectFrom('password_resets')
    .select('user_id')
    .where('expires_at', '<', new Date(beforeMs))
    .limit(limit)
    .forUpdate()
    .skipLocked();
  const result = await db.deleteFrom('password_resets').where('user_id', 'in', expired).executeTakeFirst();
  return Number(result.numDeletedRows);
}
