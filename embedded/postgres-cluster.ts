import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { StartupError } from '../kit/startup-error.js';
import { type Account, accountMay } from './postgres-account.js';
import { type PostgresBinaries, postgresEnvironment } from './postgres-binaries.js';

export const DATABASE_USER = 'gatehouse';

export interface Cluster {
  /** Absolute, without symbolic links. */
  dir: string;
  /** Who runs the server: the one whom the files belong to. */
  account: Account | undefined;
}

/**
 * The cluster of a data folder, made on the first start. It is `cluster` in the folder `homeDir`. Where another account
 * has to run PostgreSQL (we are root) and cannot get there, because a folder above is closed to it, that is a link to
 * a folder of `sharedDir`. Throws StartupError.
 */
export async function ensureCluster(options: {
  binaries: PostgresBinaries;
  account: Account | undefined;
  homeDir: string;
  sharedDir: string;
  password: string;
}): Promise<Cluster> {
  const { binaries, account, homeDir, sharedDir, password } = options;
  const link = join(homeDir, 'cluster');
  const existing = findExisting(link, account);
  if (existing !== undefined) return existing;
  const parent = choosePlace(homeDir, sharedDir, account);
  const unfinished = join(parent, 'cluster.new');
  const finished = join(parent, 'cluster');
  fs.rmSync(unfinished, { recursive: true, force: true });
  fs.mkdirSync(unfinished, { mode: 0o700 });
  if (account !== undefined) fs.chownSync(unfinished, account.uid, account.gid);
  await initialise(unfinished, { binaries, account, password });
  fs.renameSync(unfinished, finished); // a start that is cut off leaves no half-made cluster
  if (finished !== link) fs.symlinkSync(finished, link);
  return { dir: fs.realpathSync(finished), account };
}

function findExisting(link: string, account: Account | undefined): Cluster | undefined {
  if (fs.lstatSync(link, { throwIfNoEntry: false }) === undefined) return undefined;
  if (!fs.existsSync(link)) {
    throw new StartupError(
      `the database that ${link} points to (${fs.readlinkSync(link)}) is gone: bring it back, or remove the link to begin with an empty one`,
    );
  }
  const dir = fs.realpathSync(link);
  if (account === undefined) return { dir, account };
  const { uid, gid } = fs.statSync(dir);
  const owner = uid === 0 ? account : { uid, gid };
  openWay(dirname(dir), owner);
  if (!accountMay(owner, 'x', dir)) {
    throw new StartupError(
      `the database ${dir} cannot be reached by the account that runs it (uid ${owner.uid}): a folder above it is closed to others`,
    );
  }
  return { dir, account: owner };
}

/** The folder to make the cluster in. */
function choosePlace(homeDir: string, sharedDir: string, account: Account | undefined): string {
  if (account === undefined) return homeDir;
  openWay(homeDir, account);
  if (accountMay(account, 'x', homeDir)) return homeDir;
  const place = join(sharedDir, randomBytes(8).toString('hex'));
  try {
    fs.mkdirSync(sharedDir, { recursive: true });
    fs.mkdirSync(place);
    fs.chmodSync(place, 0o755); // whatever the umask; the cluster in it is 0700
  } catch (cause) {
    throw new StartupError(`cannot make ${place} for the database: ${(cause as Error).message}`, { cause });
  }
  if (accountMay(account, 'x', place)) return place;
  throw new StartupError(
    `PostgreSQL does not run as root, and other accounts reach neither ${homeDir} nor ${sharedDir}: start as an ordinary user, or set DATABASE_URL`,
  );
}

/**
 * Lets the account's group pass through (not list) our own two folders, the data folder and its `postgres`; what is
 * above them is not ours to open. Everything else in the data folder is its owner's alone.
 */
function openWay(homeDir: string, account: Account): void {
  for (const dir of [dirname(homeDir), homeDir]) {
    if (!accountMay(account, 'x', dirname(dir)) || accountMay(account, 'x', dir)) continue;
    const { uid, mode } = fs.statSync(dir);
    fs.chownSync(dir, uid, account.gid);
    fs.chmodSync(dir, (mode & 0o707) | 0o010);
  }
}

/** Runs initdb. Its files are synced: what is stored later would be worth nothing without them. */
export async function initialise(
  dir: string,
  options: { binaries: PostgresBinaries; account: Account | undefined; password: string; flags?: string[] },
): Promise<void> {
  const { binaries, account, password, flags = [] } = options;
  const passwordFile = `${dir}.password`;
  fs.writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) fs.chownSync(passwordFile, account.uid, account.gid);
  try {
    const args = ['-D', dir, '-U', DATABASE_USER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    const locale = ['--encoding=UTF8', '--locale=C', '--no-instructions', '--wal-segsize=4'];
    const child = spawn(binaries.initdb, [...args, ...locale, ...flags], {
      ...account,
      cwd: '/',
      env: postgresEnvironment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    const [errors, code] = await Promise.all([text(child.stderr), ended]);
    if (code !== 0)
      throw new Error(
        errors
          .trim()
          .split('\n')
          .find((line) => line.includes('error')) ?? errors,
      );
  } catch (cause) {
    throw new StartupError(`cannot make a database in ${dir}: ${(cause as Error).message}`, { cause });
  } finally {
    fs.rmSync(passwordFile, { force: true });
  }
}
