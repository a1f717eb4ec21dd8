import type { Queries } from './database.js';

/** Remembers an assertion for all instances. `false` when it was used before. */
export async function rememberAssertion(db: Queries, id: Buffer, expiresAtMs: number): Promise<boolean> {
  const result = await db
    .insertInto('used_assertions')
    .values({ id, expires_at: new Date(expiresAtMs) })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Removes up to `limit` that expired before then; skips rows in use. Returns how many. */
export async function removeExpiredAssertions(db: Queries, beforeMs: number, limit: number): Promise<number> {
  const expired = db
    .selectFrom('used_assertions')
    .select('id')
    .where('expires_at', '<', new Date(beforeMs))
    .limit(limit)
    .forUpdate()
    .skipLocked();
  const result = await db.deleteFrom('used_assertions').where('id', 'in', expired).executeTakeFirst();
  return Number(result.numDeletedRows);
}
