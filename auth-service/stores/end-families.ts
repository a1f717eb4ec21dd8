import type { EndReason } from '../tokens/family.js';
import { isUuid } from '../tokens/new-uuid.js';
import type { Queries } from './database.js';

/** Ends a family. Returns the latest `exp` of its access tokens, or undefined when there is none or it had ended. */
export async function endFamily(
  trx: Queries,
  id: string,
  reason: EndReason,
  nowMs: number,
): Promise<number | undefined> {
  if (!isUuid(id)) return undefined; // another kind of session
  const row = await trx
    .updateTable('refresh_families')
    .set({ revoked_at: new Date(nowMs), revoked_reason: reason })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('access_expires_s')
    .executeTakeFirst();
  return row?.access_expires_s;
}

/** Ends every family of an account but one. Returns what they have given out: id and latest `exp` of each. */
export async function endOtherFamilies(
  trx: Queries,
  userId: string,
  keptId: string,
  reason: EndReason,
  nowMs: number,
): Promise<{ id: string; accessExpiresS: number }[]> {
  return trx
    .updateTable('refresh_families')
    .set({ revoked_at: new Date(nowMs), revoked_reason: reason })
    .where('user_id', '=', userId)
    .where('id', '!=', keptId)
    .where('revoked_at', 'is', null)
    .returning(['id', 'access_expires_s as accessExpiresS'])
    .execute();
}

/** Ends every family of an account. */
export async function endFamiliesOf(
  trx: Queries,
  userId: string,
  nowMs: number,
  reason: EndReason | 'logout-all' = 'logout-all',
): Promise<void> {
  await trx
    .updateTable('refresh_families')
    .set({ revoked_at: new Date(nowMs), revoked_reason: reason })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .execute();
}

/** Lets the sessions of an account go on under its new token version; those that have ended keep in step. */
export async function moveFamilies(trx: Queries, userId: string, tokenVersion: number): Promise<void> {
  await trx
    .updateTable('refresh_families')
    .set({ token_version: tokenVersion })
    .where('user_id', '=', userId)
    .where('token_version', '=', tokenVersion - 1)
    .execute();
}

/** Ends up to `limit` families that began before then, of a client, an account or all. Returns how many. */
export async function endFamiliesBefore(
  db: Queries,
  which: { beforeMs: number; client?: string; sub?: string; limit: number },
  reason: EndReason,
  nowMs: number,
): Promise<number> {
  const { client, sub } = which;
  if (sub !== undefined && !isUuid(sub)) return 0; // no account
  let live = db
    .selectFrom('refresh_families')
    .select('id')
    .where('revoked_at', 'is', null)
    .where('created_at', '<', new Date(which.beforeMs))
    .orderBy('id') // everybody locks in the same order
    .limit(which.limit)
    .forUpdate();
  if (client !== undefined) live = live.where('client_id', '=', client);
  if (sub !== undefined) live = live.where('user_id', '=', sub);
  const result = await db
    .updateTable('refresh_families')
    .set({ revoked_at: new Date(nowMs), revoked_reason: reason })
    .where('id', 'in', live)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}
