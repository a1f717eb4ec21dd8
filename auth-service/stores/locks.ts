import { sql } from 'kysely';
import type { Queries } from './database.js';

/** Advisory locks, in the order in which a transaction may take more than one. Any fixed, distinct numbers do. */
const LOCKS = {
  'signing-keys': 0x67_68_01,
  revocations: 0x67_68_02,
} as const;

/** Waits for the lock and holds it until the transaction ends. */
export async function lockFor(trx: Queries, name: keyof typeof LOCKS): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${LOCKS[name]})`.execute(trx);
}
