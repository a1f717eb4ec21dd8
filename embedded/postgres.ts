/** The PostgreSQL of the embedded default: a real server from the npm package, with its data in the data folder. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { StartupError } from '../kit/startup-error.js';
import { writeFileAtomic } from '../kit/write-file-atomic.js';
import { postgresAccount } from './postgres-account.js';
import { findPostgresBinaries } from './postgres-binaries.js';
import { DATABASE_USER, ensureCluster } from './postgres-cluster.js';
import {
  endLeftoverServer,
  PortTaken,
  type PostgresServerOptions,
  startPostgresServer,
  stopPostgresServer,
} from './postgres-server.js';
import type { SupervisedProcess } from './supervised-process.js';

const DATABASE = 'gatehouse';
const PORT_ATTEMPTS = 5;
/** For root, whose data folder may be closed to the account that PostgreSQL runs as. */
const SHARED_DIR = '/var/lib/gatehouse';

export interface EmbeddedPostgres {
  /** `postgres://…` of the database `gatehouse`, on a loopback port that is another one at each start. */
  url: string;
  /** Cuts off clients, writes everything, and resolves when the server has ended. */
  stop(): Promise<void>;
}

/**
 * Starts the server on the data in `<dataDir>/postgres`, making both on the first start. The caller holds the data
 * folder's lock (data-folder.ts). Data that was acknowledged survives a stop, and kill -9 of this process or of the
 * server. Ctrl-C in the terminal does not reach the server; the end of this process, however it comes, ends it.
 * Throws StartupError.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  log?: (line: string) => void;
  /** Where things go that root cannot keep in the data folder. Default: `/var/lib/gatehouse`. */
  sharedDir?: string;
}): Promise<EmbeddedPostgres> {
  const { log = () => undefined, sharedDir = SHARED_DIR } = options;
  const homeDir = join(resolve(options.dataDir), 'postgres');
  mkdirSync(homeDir, { recursive: true, mode: 0o700 });
  const ours = postgresAccount();
  const binaries = findPostgresBinaries({
    account: ours,
    copiesDir: ours === undefined ? homeDir : sharedDir,
  });
  const password = await ensurePassword(join(homeDir, 'password'));
  const { dir, account } = await ensureCluster({ binaries, account: ours, homeDir, sharedDir, password });
  await endLeftoverServer(dir);
  const { server, port } = await startOnFreePort({ binaries, clusterDir: dir, account, onLine: log });
  const url = (database: string) => `postgres://${DATABASE_USER}:${password}@127.0.0.1:${port}/${database}`;
  try {
    await ensureDatabase(url);
  } catch (error) {
    await stopPostgresServer(server);
    throw error;
  }
  return { url: url(DATABASE), stop: stopOnce(server, log) };
}

function stopOnce(server: SupervisedProcess, log: (line: string) => void): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  void server.ended.then((how) => {
    if (stopping === undefined) log(`PostgreSQL ended by itself (${how}): restart to bring it back`);
  });
  return () => {
    stopping ??= stopPostgresServer(server);
    return stopping;
  };
}

/** Random, made once, readable by the owner only. Hexadecimal, so that it needs no encoding in a URL. */
async function ensurePassword(path: string): Promise<string> {
  try {
    const password = readFileSync(path, 'utf8').trim();
    if (password !== '') return password;
  } catch {
    // the first start
  }
  const password = randomBytes(24).toString('hex');
  await writeFileAtomic(path, password);
  return password;
}

async function startOnFreePort(
  options: PostgresServerOptions,
): Promise<{ server: SupervisedProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort();
    try {
      return { port, server: await startPostgresServer(port, options) };
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Also the proof that the server answers and takes our password. */
async function ensureDatabase(url: (database: string) => string): Promise<void> {
  try {
    const databases = await query(url('postgres'), `SELECT 1 FROM pg_database WHERE datname = '${DATABASE}'`);
    if (databases.length === 0) await query(url('postgres'), `CREATE DATABASE ${DATABASE}`);
  } catch (cause) {
    throw new StartupError(
      `the embedded PostgreSQL refuses its own password or database: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

async function query(connectionString: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined); // a query that fails says so itself
  try {
    await client.connect();
    const result: { rows: unknown[] } = await client.query(text);
    return result.rows;
  } finally {
    await client.end();
  }
}
