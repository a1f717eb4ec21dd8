import { sql } from 'kysely';
import { encodeRevocation, type RevocationEntry } from '../../contracts/revocation.js';
import type { Queries } from './database.js';
import { lockFor } from './locks.js';

/** Instances that follow the table listen here; a notification says only that there is something new. */
export const REVOCATIONS_CHANNEL = 'gatehouse_revocations';

/**
 * Adds an entry in the transaction of what caused it; the last thing the transaction does. The lock is held until the
 * commit is visible, so that numbers come to be in the order of commits: who has read up to `seq` has missed nothing
 * below it. Returns `seq`.
 */
export async function insertRevocation(trx: Queries, entry: RevocationEntry, now: Date): Promise<number> {
  const seq = await insertRevocations(trx, [entry], now);
  if (seq === undefined) throw new Error('one entry has one number');
  return seq;
}

/** The same for several at once. Returns the last `seq`, or undefined when there are none. */
export async function insertRevocations(
  trx: Queries,
  entries: readonly RevocationEntry[],
  now: Date,
): Promise<number | undefined> {
  if (entries.length === 0) return undefined;
  await lockFor(trx, 'revocations');
  const rows = await trx
    .insertInto('revocations')
    .values(
      entries.map((entry) => ({
        kind: entry.kind,
        target: targetOf(entry),
        entry: encodeRevocation(entry),
        expires_s: entry.exp,
        created_at: now,
      })),
    )
    .returning('seq')
    .execute();
  await sql`SELECT pg_notify(${REVOCATIONS_CHANNEL}, '')`.execute(trx);
  return Math.max(...rows.map(({ seq }) => seq));
}

/** The number of the entry that revokes this already, or undefined when there is none (any more). */
export async function findRevocation(
  db: Queries,
  kind: RevocationEntry['kind'],
  target: string,
): Promise<number | undefined> {
  const row = await db
    .selectFrom('revocations')
    .select('seq')
    .where('target', '=', target)
    .where('kind', '=', kind)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.seq;
}

export interface StoredRevocation {
  seq: number;
  entry: string;
  expiresS: number;
}

/** Live entries above `afterSeq`, in order; `onlyUnpublished` leaves out what Redis has. */
export async function listRevocations(
  db: Queries,
  which: { afterSeq: number; nowS: number; limit: number; onlyUnpublished?: boolean },
): Promise<StoredRevocation[]> {
  let query = db
    .selectFrom('revocations')
    .select(['seq', 'entry', 'expires_s as expiresS'])
    .where('seq', '>', which.afterSeq)
    .where('expires_s', '>', which.nowS)
    .orderBy('seq')
    .limit(which.limit);
  if (which.onlyUnpublished === true) query = query.where('published', '=', false);
  return query.execute();
}

/** Marks everything up to `seq` as known to Redis. */
export async function markPublished(trx: Queries, seq: number): Promise<void> {
  await trx
    .updateTable('revocations')
    .set({ published: true })
    .where('seq', '<=', seq)
    .where('published', '=', false)
    .execute();
}

/** What Redis was last known to hold. */
export interface Publication {
  epoch: string;
  runId: string;
  number: number;
}

const PUBLICATION_ID = 1;
const PUBLICATION_COLUMNS = ['epoch', 'run_id as runId', 'number'] as const;

export function readPublication(db: Queries): Promise<Publication> {
  return db.selectFrom('revocation_publication').select(PUBLICATION_COLUMNS).executeTakeFirstOrThrow();
}

/** The same, locked: instances take turns at publishing. */
export function lockPublication(trx: Queries): Promise<Publication> {
  return trx
    .selectFrom('revocation_publication')
    .select(PUBLICATION_COLUMNS)
    .where('id', '=', PUBLICATION_ID)
    .forUpdate()
    .executeTakeFirstOrThrow();
}

export async function writePublication(trx: Queries, publication: Publication): Promise<void> {
  await trx
    .updateTable('revocation_publication')
    .set({ epoch: publication.epoch, run_id: publication.runId, number: publication.number })
    .where('id', '=', PUBLICATION_ID)
    .execute();
}

/** Removes up to `limit` entries that expired before `beforeS`; skips rows in use. Returns how many. */
export async function removeExpiredRevocations(db: Queries, beforeS: number, limit: number): Promise<number> {
  const expired = db
    .selectFrom('revocations')
    .select('seq')
    .where('expires_s', '<', beforeS)
    .limit(limit)
    .forUpdate()
    .skipLocked();
  const result = await db.deleteFrom('revocations').where('seq', 'in', expired).executeTakeFirst();
  return Number(result.numDeletedRows);
}

function targetOf(entry: RevocationEntry): string {
  switch (entry.kind) {
    case 'token':
      return entry.jti;
    case 'session':
      return entry.sid;
    case 'subject':
      return entry.sub;
    case 'key':
      return entry.kid;
    case 'not-before':
      return entry.sub ?? entry.client ?? entry.iss;
  }
}
