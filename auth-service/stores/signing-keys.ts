import type { Selectable } from 'kysely';
import type { Sealed } from '../keys/envelope.js';
import type { NewSigningKey } from '../keys/make-signing-key.js';
import type { SigningAlgorithm, SigningKeyState, StoredSigningKey } from '../keys/signing-key.js';
import type { Queries } from './database.js';
import type { SigningKeysTable } from './tables.js';

/** Every key that is not gone, oldest first; with `gone` those as well. */
export async function listSigningKeys(
  db: Queries,
  { gone = false }: { gone?: boolean } = {},
): Promise<StoredSigningKey[]> {
  let query = db.selectFrom('signing_keys').selectAll();
  if (!gone) query = query.where('state', '!=', 'gone');
  // Two may be made at once; of those the one that signs comes first.
  const rows = await query.orderBy('created_at').orderBy('activated_at').orderBy('kid').execute();
  return rows.map(asStoredKey);
}

export async function findSigningKey(db: Queries, kid: string): Promise<StoredSigningKey | undefined> {
  const row = await db.selectFrom('signing_keys').selectAll().where('kid', '=', kid).executeTakeFirst();
  return row && asStoredKey(row);
}

/** Adds a key as `next`: published, not yet signing. */
export async function insertSigningKey(trx: Queries, key: NewSigningKey, now: Date): Promise<void> {
  await trx
    .insertInto('signing_keys')
    .values({
      kid: key.kid,
      algorithm: key.algorithm,
      state: 'next',
      public_jwk: JSON.stringify(key.publicJwk),
      private_key_box: key.privateKey.box,
      private_key_kek_version: key.privateKey.kekVersion,
      created_at: now,
    })
    .execute();
}

/** Moves a key on. One that signs no more loses its private half. */
export async function moveSigningKey(
  trx: Queries,
  kid: string,
  to: Exclude<SigningKeyState, 'next'>,
  now: Date,
): Promise<void> {
  const erased = { private_key_box: null, private_key_kek_version: null };
  const changes = {
    active: { activated_at: now },
    retiring: { retiring_at: now, ...erased },
    gone: { gone_at: now, ...erased },
  }[to];
  await trx
    .updateTable('signing_keys')
    .set({ state: to, ...changes })
    .where('kid', '=', kid)
    .execute();
}

/**
 * Records that the active key may sign tokens that expire by then. `false` when it is not the active one any more:
 * what has begun to retire gets no longer life.
 */
export async function extendSigningKey(db: Queries, kid: string, untilS: number): Promise<boolean> {
  const result = await db
    .updateTable('signing_keys')
    .set((set) => ({ tokens_expire_s: set.fn<number>('greatest', ['tokens_expire_s', set.val(untilS)]) }))
    .where('kid', '=', kid)
    .where('state', '=', 'active')
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Puts a private key that was wrapped anew in its place, unless it changed in the meantime. */
export async function replacePrivateKey(
  db: Queries,
  kid: string,
  from: Sealed,
  to: Sealed,
): Promise<boolean> {
  const result = await db
    .updateTable('signing_keys')
    .set({ private_key_box: to.box, private_key_kek_version: to.kekVersion })
    .where('kid', '=', kid)
    .where('private_key_box', '=', from.box)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

function asStoredKey(row: Selectable<SigningKeysTable>): StoredSigningKey {
  return {
    kid: row.kid,
    algorithm: row.algorithm as SigningAlgorithm,
    state: row.state,
    publicJwk: row.public_jwk,
    privateKey: sealed(row.private_key_box, row.private_key_kek_version),
    createdAtMs: row.created_at.getTime(),
    activatedAtMs: row.activated_at?.getTime(),
    retiringAtMs: row.retiring_at?.getTime(),
    goneAtMs: row.gone_at?.getTime(),
    tokensExpireS: row.tokens_expire_s,
  };
}

function sealed(box: Buffer | null, kekVersion: number | null): Sealed | undefined {
  return box === null || kekVersion === null ? undefined : { box, kekVersion };
}
