import { type Selectable, sql } from 'kysely';
import type { Account } from '../accounts/account.js';
import type { Sealed } from '../keys/envelope.js';
import type { Family, NewFamily } from '../tokens/family.js';
import { isUuid } from '../tokens/new-uuid.js';
import { MAX_USER_AGENT_LENGTH } from './audit.js';
import type { Queries } from './database.js';
import type { RefreshFamiliesTable } from './tables.js';
import { asAccount } from './users.js';

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
      last_ip: family.from?.ip ?? null,
      last_user_agent: shortUserAgent(family.from?.userAgent),
      dpop_jkt: family.dpopJkt ?? null,
    })
    .execute();
}

export async function findFamily(db: Queries, id: string): Promise<Family | undefined> {
  if (!isUuid(id)) return undefined;
  const row = await db.selectFrom('refresh_families').selectAll().where('id', '=', id).executeTakeFirst();
  return row && asFamily(row);
}

/**
 * A family and its account as they are at one moment: read one after the other, new roles in between would make the
 * session look ended.
 */
export async function findFamilyAndAccount(
  db: Queries,
  id: string,
): Promise<{ family: Family; account: Account } | undefined> {
  if (!isUuid(id)) return undefined;
  const row = await db
    .selectFrom('refresh_families')
    .innerJoin('users', 'users.id', 'refresh_families.user_id')
    .selectAll('refresh_families')
    .select(['email', 'password_hash', 'password_version', 'status', 'roles', 'scopes'])
    .select(['users.token_version as account_version', 'users.created_at as account_created_at'])
    .where('refresh_families.id', '=', id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { user_id, account_version, account_created_at } = row;
  const user = { ...row, id: user_id, token_version: account_version, created_at: account_created_at };
  return { family: asFamily(row), account: asAccount(user) };
}

/** The sessions of an account that may still be refreshed, those of an earlier token version left out. Latest first. */
export async function listLiveFamilies(
  db: Queries,
  of: { userId: string; tokenVersion: number },
  after: { lastUsedMs: number; createdMs: number },
  limit: number,
): Promise<Family[]> {
  const rows = await db
    .selectFrom('refresh_families')
    .selectAll()
    .where('user_id', '=', of.userId)
    .where('token_version', '=', of.tokenVersion)
    .where('revoked_at', 'is', null)
    .where('last_used_at', '>', new Date(after.lastUsedMs))
    .where('created_at', '>', new Date(after.createdMs))
    .orderBy('last_used_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(asFamily);
}

function asFamily(row: Selectable<RefreshFamiliesTable>): Family {
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
    lastIp: row.last_ip ?? undefined,
    lastUserAgent: row.last_user_agent ?? undefined,
    refreshCreditUntilMs: row.refresh_credit_until?.getTime(),
    dpopJkt: row.dpop_jkt ?? undefined,
    revoked: row.revoked_at !== null,
  };
}

/** What a refresh leaves in its family's row. */
export interface FamilyUse {
  nowMs: number;
  accessExpiresS: number;
  /** Taken off the family's allowance (tokens/limit-refreshes.ts). */
  costMs: number;
  from: { ip: string; userAgent: string | undefined };
}

/**
 * The one compare-and-set of a rotation: of all that present the same token, on however many instances, one gets
 * `true`. It also fails once the family is revoked, or goes on with other roles.
 */
export async function advanceFamily(
  db: Queries,
  at: Pick<Family, 'id' | 'generation' | 'tokenVersion'>,
  use: FamilyUse,
): Promise<boolean> {
  const now = new Date(use.nowMs);
  const result = await db
    .updateTable('refresh_families')
    .set({
      generation: at.generation + 1,
      rotated_at: now,
      last_used_at: now,
      access_expires_s: latest(use.accessExpiresS),
      refresh_credit_until: creditAfter(use),
      last_ip: use.from.ip,
      last_user_agent: shortUserAgent(use.from.userAgent),
    })
    .where('id', '=', at.id)
    .where('generation', '=', at.generation)
    .where('token_version', '=', at.tokenVersion)
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
  at: Pick<Family, 'id' | 'generation' | 'tokenVersion'>,
  use: Omit<FamilyUse, 'from'>,
): Promise<boolean> {
  const result = await db
    .updateTable('refresh_families')
    .set({ access_expires_s: latest(use.accessExpiresS), refresh_credit_until: creditAfter(use) })
    .where('id', '=', at.id)
    .where('generation', '=', at.generation)
    .where('token_version', '=', at.tokenVersion)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
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
 * The secrets of up to `limit` families that another version of the key-encryption key than this one seals, by id.
 * Rows in use are skipped.
 */
export async function holdSecretsToRewrap(
  trx: Queries,
  which: { kekVersion: number; afterId: string; limit: number },
): Promise<{ id: string; secret: Sealed }[]> {
  const rows = await trx
    .selectFrom('refresh_families')
    .select(['id', 'secret_box', 'secret_kek_version'])
    .where('secret_kek_version', '!=', which.kekVersion)
    .where('id', '>', which.afterId)
    .orderBy('id')
    .limit(which.limit)
    .forUpdate()
    .skipLocked()
    .execute();
  return rows.map((row) => ({
    id: row.id,
    secret: { box: row.secret_box, kekVersion: row.secret_kek_version },
  }));
}

export async function replaceSecrets(
  trx: Queries,
  kekVersion: number,
  secrets: readonly { id: string; box: Buffer }[],
): Promise<void> {
  const [ids, boxes] = [secrets.map(({ id }) => id), secrets.map(({ box }) => box)];
  await sql`
    UPDATE refresh_families AS family SET secret_box = fresh.box, secret_kek_version = ${kekVersion}
    FROM unnest(${ids}::uuid[], ${boxes}::bytea[]) AS fresh (id, box)
    WHERE family.id = fresh.id`.execute(trx);
}

/** How many families another version than this one seals. */
export async function countSecretsToRewrap(db: Queries, kekVersion: number): Promise<number> {
  const { left } = await db
    .selectFrom('refresh_families')
    .select((select) => select.fn.countAll<number>().as('left'))
    .where('secret_kek_version', '!=', kekVersion)
    .executeTakeFirstOrThrow();
  return left;
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

const creditAfter = ({ nowMs, costMs }: Pick<FamilyUse, 'nowMs' | 'costMs'>) =>
  sql<Date>`greatest(coalesce(refresh_credit_until, 'epoch'), ${new Date(nowMs)}::timestamptz)
    + make_interval(secs => ${costMs}::float8 / 1000)`;

const shortUserAgent = (userAgent: string | undefined): string | null =>
  userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null;
