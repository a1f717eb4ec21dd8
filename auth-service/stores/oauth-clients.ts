import type { Selectable } from 'kysely';
import type { Client, ClientCredential } from '../oauth/client.js';
import { isUuid } from '../tokens/new-uuid.js';
import type { Queries } from './database.js';
import type { OauthClientsTable, OauthCredentialsTable } from './tables.js';

/** The client with all of its credentials, ended ones included. */
export async function findClient(db: Queries, id: string): Promise<Client | undefined> {
  const row = await db.selectFrom('oauth_clients').selectAll().where('id', '=', id).executeTakeFirst();
  return row && asClient(row, await credentialsOf(db, [id]));
}

/** The same, locked: changes to one client take turns. */
export async function lockClient(trx: Queries, id: string): Promise<Client | undefined> {
  const row = await trx
    .selectFrom('oauth_clients')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row && asClient(row, await credentialsOf(trx, [id]));
}

/** All of them, by name. */
export async function listClients(db: Queries): Promise<Client[]> {
  const rows = await db.selectFrom('oauth_clients').selectAll().orderBy('id').execute();
  const credentials = await credentialsOf(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => asClient(row, credentials));
}

/** `false` when the name is taken. */
export async function insertClient(trx: Queries, client: Client): Promise<boolean> {
  const result = await trx
    .insertInto('oauth_clients')
    .values({
      id: client.id,
      service: client.service,
      auth_method: client.authMethod,
      grants: [...client.grants],
      scopes: [...client.scopes],
      audiences: [...client.audiences],
      token_ttl_s: client.tokenTtlS ?? null,
      requires_dpop: client.requiresDpop,
      created_at: new Date(client.createdAtMs),
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows !== 1n) return false;
  for (const credential of client.credentials) await insertCredential(trx, client.id, credential);
  return true;
}

export async function insertCredential(
  trx: Queries,
  clientId: string,
  credential: ClientCredential,
): Promise<void> {
  await trx
    .insertInto('oauth_credentials')
    .values({
      id: credential.id,
      client_id: clientId,
      secret_hash: credential.secretHash ?? null,
      public_jwk: credential.publicJwk === undefined ? null : JSON.stringify(credential.publicJwk),
      certificate_name: credential.certificateName ?? null,
      created_at: new Date(credential.createdAtMs),
    })
    .execute();
}

/** From then on the credential gets no more tokens. */
export async function expireCredential(trx: Queries, id: string, atMs: number): Promise<void> {
  await trx
    .updateTable('oauth_credentials')
    .set({ expires_at: new Date(atMs) })
    .where('id', '=', id)
    .execute();
}

/** At once, whichever client it is of; does nothing for an id that is no credential. */
export async function endCredential(trx: Queries, id: string, now: Date): Promise<void> {
  if (!isUuid(id)) return;
  await trx
    .updateTable('oauth_credentials')
    .set((set) => ({ expires_at: set.fn<Date>('least', ['expires_at', set.val(now)]) }))
    .where('id', '=', id)
    .execute();
}

export async function disableClient(trx: Queries, id: string, now: Date): Promise<void> {
  await trx.updateTable('oauth_clients').set({ disabled_at: now }).where('id', '=', id).execute();
}

function credentialsOf(
  db: Queries,
  clientIds: readonly string[],
): Promise<Selectable<OauthCredentialsTable>[]> {
  if (clientIds.length === 0) return Promise.resolve([]);
  return db
    .selectFrom('oauth_credentials')
    .selectAll()
    .where('client_id', 'in', clientIds)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}

function asClient(
  row: Selectable<OauthClientsTable>,
  credentials: readonly Selectable<OauthCredentialsTable>[],
): Client {
  return {
    id: row.id,
    service: row.service,
    authMethod: row.auth_method,
    grants: row.grants,
    scopes: row.scopes,
    audiences: row.audiences,
    tokenTtlS: row.token_ttl_s ?? undefined,
    requiresDpop: row.requires_dpop,
    createdAtMs: row.created_at.getTime(),
    disabledAtMs: row.disabled_at?.getTime(),
    credentials: credentials.filter(({ client_id }) => client_id === row.id).map(asCredential),
  };
}

function asCredential(row: Selectable<OauthCredentialsTable>): ClientCredential {
  return {
    id: row.id,
    secretHash: row.secret_hash ?? undefined,
    publicJwk: row.public_jwk ?? undefined,
    certificateName: row.certificate_name ?? undefined,
    createdAtMs: row.created_at.getTime(),
    expiresAtMs: row.expires_at?.getTime(),
  };
}
