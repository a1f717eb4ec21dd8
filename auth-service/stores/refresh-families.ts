import { sql } from 'kysely';
import type { Sealed } from '../keys/envelope.js';
import type { EndReason, Family, NewFamily } from '../tokens/family.js';
import type { Queries } from './database.js';

export async function insertFamily(trx: Queries, family: NewFamily): Promise<void> {
  const createdAt = new Date(family.createdAtMs);
  await trx
    .insertInto('refresh_families')
    .values({
      id: family.id,
      user_id: family.userId,
      client_id: family.clientId,
      token_version: family.tokenVersion,
      secret_box: family.secret.box,
      secret_kek_version: family.secret.kekVersion,
      created_at: createdAt,
      last_used_at: createdAt,
      access_expires_s: family.accessExpiresS,
    })
    .execute();
}

export async function findFamily(db: Queries, id: string): Promise<Family | undefined> {
  const row = await db.selectFrom('refresh_families').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return undefined;
  const secret: Sealed = { box: row.secret_box, kekVersion: row.secret_kek_version };
  return {
    id: row.id,
    userId: row.user_id,
    clientId: row.client_id,
    tokenVersion: row.token_version,
    generation: row.generation,
    secret,
    createdAtMs: row.created_at.getTime(),
    lastUsedAtMs: row.last_used_at.getTime(),
    rotatedAtMs: row.rotated_at?.getTime(),
    revoked: row.revoked_at !== null,
  };
}

/**
 * The one compare-and-set of a rotation: of all that present the same token, on however many instances, one gets
 * `true`. It also fails once the family is revoked.
 */
export async function advanceFamily(
  db: Queries,
  at: { id: string; generation: number },
  to: { nowMs: number; accessExpiresS: number },
): Promise<boolean> {
  const now = new Date(to.nowMs);
  const result = await db
    .updateTable('refresh_families')
    .set({
      generation: at.generation + 1,
      rotated_at: now,
      last_used_at: now,
      access_expires_s: latest(to.accessExpiresS),
    })
    .where('id', '=', at.id)
    .where('generation', '=', at.generation)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/**
 * Records one more access token of the generation that is current already. `false` when the family has moved on or
 * was revoked. Leaves `rotated_at` alone: grace counts from the first rotation.
 */
export async function extendFamilyAccess(
  db: Queries,
  at: { id: string; generation: number },
  accessExpiresS: number,
): Promise<boolean> {
  const result = await db
    .updateTable('refresh_families')
    .set({ access_expires_s: latest(accessExpiresS) })
    .where('id', '=', at.id)
    .where('generation', '=', at.generation)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Ends a family. Returns the latest `exp` of its access tokens, or undefined when there is none or it had ended. */
export async function endFamily(
  trx: Queries,
  id: string,
  reason: EndReason,
  nowMs: number,
): Promise<number | undefined> {
  const row = await trx
    .updateTable('refresh_families')
    .set({ revoked_at: new Date(nowMs), revoked_reason: reason })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('access_expires_s')
    .executeTakeFirst();
  return row?.access_expires_s;
}

/** Ends every family of an account. */
export async function endFamiliesOf(trx: Queries, userId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('refresh_families')
    .set({ revoked_at: new Date(nowMs), revoked_reason: 'logout-all' })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .execute();
}

/** The latest `exp` of any access token of the account that is still on record, ended families included. */
export async function latestAccessExpiry(trx: Queries, userId: string): Promise<number> {
  const { latest } = await trx
    .selectFrom('refresh_families')
    .select((select) => select.fn.coalesce(select.fn.max('access_expires_s'), sql<number>`0`).as('latest'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow();
  return latest;
}

/**
 * Removes up to `limit` families whose time is over, together with that of their access tokens. Returns how many.
 * Rows in use are skipped, so that cleaning up never waits and is never waited for (design: small batches).
 */
export async function removeFinishedFamilies(
  db: Queries,
  before: { lastUsedMs: number; accessExpiresS: number },
  limit: number,
): Promise<number> {
  const finished = db
    .selectFrom('refresh_families')
    .select('id')
    .where('access_expires_s', '<', before.accessExpiresS)
    .where('last_used_at', '<', new Date(before.lastUsedMs))
    .limit(limit)
    .forUpdate()
    .skipLocked();
  const result = await db.deleteFrom('refresh_families').where('id', 'in', finished).executeTakeFirst();
  return Number(result.numDeletedRows);
}

const latest = (accessExpiresS: number) => sql<number>`greatest(access_expires_s, ${accessExpiresS}::bigint)`;
