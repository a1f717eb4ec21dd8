import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { Problem } from '../../contracts/problem.js';
import { type Clock, pause } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import { tellAtOnce, tellLater } from './after-commit.js';
import { isDatabaseUnavailable } from './database-errors.js';
import type { Queries } from './queries.js';
import type { Tables } from './tables.js';

export type { Queries } from './queries.js';

/** An outage of the database becomes Problem `store_unavailable` (503), here and nowhere else. */
export interface Database {
  run<T>(work: (db: Queries) => Promise<T>): Promise<T>;
  /** READ COMMITTED. Rolled back when `work` rejects. */
  transaction<T>(work: (trx: Transaction<Tables>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 2000;
const STATEMENT_TIMEOUT_MS = 2500;
/** Ours, for a database that does not even say that it gave up. */
const QUERY_TIMEOUT_MS = 3000;
/** Frees the locks of an instance whose network is gone. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;

/** pg waits for the server's goodbye, which does not come from one that hangs. */
const CLOSE_TIMEOUT_MS = 3000;

const INT8_OID = 20;

/** Numbers of this service stay below 2^53: sequence numbers and unix seconds. */
export const PG_TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    if (oid === INT8_OID && format !== 'binary') return Number;
    return pg.types.getTypeParser(oid, format) as (value: unknown) => unknown;
  },
};

/** Opens a pool; nothing is connected before the first query. */
export function openDatabase(url: string, { clock, logger }: { clock: Clock; logger: Logger }): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    types: PG_TYPES,
    application_name: 'gatehouse-auth-service',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  });
  // An 'error' that nobody listens to ends the process: pg emits it on the pool for an idle connection, and on the
  // client for one that is lost between two statements of a transaction. The next query reports the outage.
  pool.on('error', (err) => logger.warn({ err }, 'a database connection was lost'));
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  tellAtOnce(db, logger);
  return {
    run: (work) => storeErrors(() => work(db)),
    transaction: (work) =>
      storeErrors(async () => {
        let tell = (): void => undefined;
        const result = await db.transaction().execute((trx) => {
          tell = tellLater(trx, logger);
          return work(trx);
        });
        tell();
        return result;
      }),
    close: () => Promise.race([db.destroy(), pause(clock, CLOSE_TIMEOUT_MS)]),
  };
}

async function storeErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isDatabaseUnavailable(error)) throw new Problem('store_unavailable', { cause: error });
    throw error;
  }
}
