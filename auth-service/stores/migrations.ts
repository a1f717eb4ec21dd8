import { Kysely, type Migration, Migrator, PostgresDialect } from 'kysely';
import pg from 'pg';
import { StartupError } from '../../kit/startup-error.js';
import { databaseErrorText } from './database-errors.js';
import { accountsSessionsKeysRevocations } from './migrations/0001-accounts-sessions-keys-revocations.js';
import { sessions } from './migrations/0002-sessions.js';
import { keysAudit } from './migrations/0003-keys-audit.js';
import { oauth } from './migrations/0004-oauth.js';

/** In order of name. A released migration is never edited: what comes later is another one. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-accounts-sessions-keys-revocations': { up: accountsSessionsKeysRevocations },
  '0002-sessions': { up: sessions },
  '0003-keys-audit': { up: keysAudit },
  '0004-oauth': { up: oauth },
};

/**
 * Brings the schema up to date. Any number of instances may start at once: kysely's migrator takes an advisory lock,
 * and waits for it without a statement timeout, on a connection of its own. Throws StartupError.
 */
export async function migrate(databaseUrl: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2, connectionTimeoutMillis: 5000 });
  pool.on('error', () => undefined); // the query that meets it reports it
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
    const { error } = await migrator.migrateToLatest();
    if (error instanceof Error) throw error;
  } catch (cause) {
    throw new StartupError(`cannot prepare the database: ${databaseErrorText(cause)}`, { cause });
  } finally {
    await db.destroy();
  }
}
