import type { Selectable } from 'kysely';
import type { ApiKey } from '../api-keys/api-key.js';
import type { Queries } from './database.js';
import type { ApiKeysTable } from './tables.js';

export async function findApiKey(db: Queries, id: string): Promise<ApiKey | undefined> {
  const row = await db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  return row && asApiKey(row);
}

/** The same, locked: changes to one key take turns. */
export async function lockApiKey(trx: Queries, id: string): Promise<ApiKey | undefined> {
  const row = await trx
    .selectFrom('api_keys')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row && asApiKey(row);
}

/** All of them, the newest first. */
export async function listApiKeys(db: Queries): Promise<ApiKey[]> {
  const rows = await db
    .selectFrom('api_keys')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(asApiKey);
}

export async function insertApiKey(trx: Queries, key: ApiKey): Promise<void> {
  await trx
    .insertInto('api_keys')
    .values({
      id: key.id,
      secret_hash: key.secretHash,
      name: key.name,
      service: key.service,
      scopes: [...key.scopes],
      created_at: new Date(key.createdAtMs),
      expires_at: key.expiresAtMs === undefined ? null : new Date(key.expiresAtMs),
    })
    .execute();
}

/** Another key takes over; this one ends at the given time. */
export async function replaceApiKey(
  trx: Queries,
  id: string,
  to: { replacedBy: string; expiresAtMs: number },
): Promise<void> {
  await trx
    .updateTable('api_keys')
    .set({ replaced_by: to.replacedBy, expires_at: new Date(to.expiresAtMs) })
    .where('id', '=', id)
    .execute();
}

export async function markApiKeyRevoked(trx: Queries, id: string, now: Date): Promise<void> {
  await trx.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id).execute();
}

/** Writes the time only when the one on record is older than `coarseMs`: a key's use is no reason for a write each. */
export async function markApiKeyUsed(
  db: Queries,
  key: ApiKey,
  nowMs: number,
  coarseMs: number,
): Promise<void> {
  if (key.lastUsedAtMs !== undefined && nowMs - key.lastUsedAtMs < coarseMs) return;
  await db
    .updateTable('api_keys')
    .set({ last_used_at: new Date(nowMs) })
    .where('id', '=', key.id)
    .execute();
}

function asApiKey(row: Selectable<ApiKeysTable>): ApiKey {
  return {
    id: row.id,
    secretHash: row.secret_hash,
    name: row.name,
    service: row.service,
    scopes: row.scopes,
    createdAtMs: row.created_at.getTime(),
    expiresAtMs: row.expires_at?.getTime(),
    lastUsedAtMs: row.last_used_at?.getTime(),
    revokedAtMs: row.revoked_at?.getTime(),
    replacedBy: row.replaced_by ?? undefined,
  };
}
