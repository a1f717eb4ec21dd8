import type { Sealed } from '../keys/envelope.js';
import type { StoredSigningKey } from '../keys/signing-key.js';
import type { Queries } from './database.js';

/** Every key that is not gone, oldest first. */
export async function listSigningKeys(db: Queries): Promise<StoredSigningKey[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .selectAll()
    .where('state', '!=', 'gone')
    .orderBy('created_at')
    .orderBy('kid')
    .execute();
  return rows.map((row) => ({
    kid: row.kid,
    algorithm: row.algorithm,
    state: row.state,
    publicJwk: row.public_jwk,
    privateKey: sealed(row.private_key_box, row.private_key_kek_version),
  }));
}

export async function insertActiveSigningKey(
  trx: Queries,
  key: Omit<StoredSigningKey, 'state' | 'privateKey'> & { privateKey: Sealed },
  now: Date,
): Promise<void> {
  await trx
    .insertInto('signing_keys')
    .values({
      kid: key.kid,
      algorithm: key.algorithm,
      state: 'active',
      public_jwk: JSON.stringify(key.publicJwk),
      private_key_box: key.privateKey.box,
      private_key_kek_version: key.privateKey.kekVersion,
      created_at: now,
      activated_at: now,
    })
    .execute();
}

function sealed(box: Buffer | null, kekVersion: number | null): Sealed | undefined {
  return box === null || kekVersion === null ? undefined : { box, kekVersion };
}
