import { spawn, spawnSync } from 'node:child_process';
import { on, once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startEmbeddedPostgres } from '../../embedded/postgres.js';
import { postgresAccount } from '../../embedded/postgres-account.js';
import { findPostgresBinaries } from '../../embedded/postgres-binaries.js';
import { StartupError } from '../../kit/startup-error.js';
import { freePort } from '../fixtures/free-port.js';
import { cacheDir, needsPostgres, postgresInstallation } from '../fixtures/postgres.js';
import { runScript } from '../fixtures/run-script.js';
import { sql } from '../fixtures/sql.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

/** For what root cannot keep in the data folder or in the repository. */
const sharedDir = cacheDir();
const isRoot = process.getuid?.() === 0;

async function refusal(start: () => unknown): Promise<string> {
  try {
    await start();
    return 'not refused';
  } catch (error) {
    return error instanceof StartupError && !error.message.includes('\n')
      ? error.message
      : `no StartupError: ${error}`;
  }
}

let original: Promise<string> | undefined;

/** A data folder with a database in it, which is not running: a copy of one that is made once. */
async function usedDataDir(t: Test): Promise<{ dataDir: string; cluster: string }> {
  original ??= makeUsedDataDir();
  const dataDir = join(temporaryFolder(t), 'data');
  spawnSync('cp', ['-Rp', await original, dataDir]);
  return { dataDir, cluster: join(dataDir, 'postgres', 'cluster') };
}

async function makeUsedDataDir(): Promise<string> {
  const dataDir = temporaryFolder(t, 0o700);
  const { url, stop } = await startEmbeddedPostgres({ dataDir, sharedDir });
  await sql(url, 'CREATE TABLE notes (text text)', "INSERT INTO notes VALUES ('first')");
  await stop();
  return dataDir;
}

/** Starts it, and stops it after the test; resolves with what is in the database. */
async function startAndRead(t: Test, dataDir: string, shared = sharedDir): Promise<unknown[]> {
  const { url, stop } = await startEmbeddedPostgres({ dataDir, sharedDir: shared });
  t.teardown(stop);
  return sql(url, 'SELECT text FROM notes ORDER BY text');
}

function serverPid(cluster: string): number {
  return Number.parseInt(fs.readFileSync(join(cluster, 'postmaster.pid'), 'utf8'), 10);
}

function runs(pid: number): boolean {
  try {
    return !fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

t.test('data is kept over a stop and a start, and belongs to its owner alone', needsPostgres, async (t) => {
  const dataDir = temporaryFolder(t, 0o700);
  fs.mkdirSync(join(dataDir, 'postgres', 'cluster.new', 'cut-off'), { recursive: true });
  const first = await startEmbeddedPostgres({ dataDir, sharedDir });
  t.match(first.url, /^postgres:\/\/gatehouse:[0-9a-f]{48}@127\.0\.0\.1:\d+\/gatehouse$/);
  await sql(first.url, 'CREATE TABLE notes (text text)', "INSERT INTO notes VALUES ('first')");
  const pid = serverPid(join(dataDir, 'postgres', 'cluster'));
  await Promise.all([first.stop(), first.stop()]);
  t.notOk(runs(pid), 'ended when stop resolves');
  t.strictSame(await startAndRead(t, dataDir), [{ text: 'first' }]);
  t.equal(fs.realpathSync(join(dataDir, 'postgres', 'cluster')), join(dataDir, 'postgres', 'cluster'));
  t.equal(fs.statSync(dataDir).mode & 0o707, 0o700);
  t.equal(fs.statSync(join(dataDir, 'postgres', 'password')).mode & 0o777, 0o600);
  t.equal(fs.statSync(join(dataDir, 'postgres', 'cluster')).mode & 0o777, 0o700);
});

t.test('another password is refused', needsPostgres, async (t) => {
  const { url, stop } = await startEmbeddedPostgres({ dataDir: (await usedDataDir(t)).dataDir, sharedDir });
  t.teardown(stop);
  await t.rejects(sql(url.replace(/:[0-9a-f]{48}@/, ':guess@'), 'SELECT 1'), { code: '28P01' });
});

t.test(
  'what was acknowledged survives kill -9 of our process, which takes the server with it',
  needsPostgres,
  async (t) => {
    const { dataDir, cluster } = await usedDataDir(t);
    const script = runScript(`
    const { startEmbeddedPostgres } = await import('./embedded/postgres.ts');
    const { sql } = await import('./test/fixtures/sql.ts');
    const { url } = await startEmbeddedPostgres(${JSON.stringify({ dataDir, sharedDir })});
    await sql(url, "INSERT INTO notes VALUES ('second')");
    console.log('acknowledged');
  `);
    await script.nextLine();
    const pid = serverPid(cluster);
    await script.kill('SIGKILL');
    t.strictSame(await startAndRead(t, dataDir), [{ text: 'first' }, { text: 'second' }]);
    t.notOk(runs(pid));
  },
);

if (process.platform === 'linux') {
  t.test('Ctrl-C in the terminal does not reach the server', needsPostgres, async (t) => {
    const { dataDir, cluster } = await usedDataDir(t);
    await startAndRead(t, dataDir);
    const processGroupOf = (pid: number | 'self') =>
      fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[4];
    t.not(processGroupOf(serverPid(cluster)), processGroupOf('self'));
  });
}

t.test('a server that is still running on the data is ended first', needsPostgres, async (t) => {
  const { dataDir, cluster } = await usedDataDir(t);
  const { account, binaries } = postgresInstallation();
  const args = ['-D', cluster, '-p', String(await freePort()), '-c', 'unix_socket_directories='];
  const leftover = spawn(binaries.postgres, args, {
    ...account,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(leftover, 'exit');
  for await (const [chunk] of on(leftover.stderr, 'data'))
    if (String(chunk).includes('ready to accept')) break;
  t.strictSame(await startAndRead(t, dataDir), [{ text: 'first' }]);
  t.strictSame(await ended, [0, null], 'shut down cleanly');
});

t.test('a process that merely got the number of a killed server is left alone', needsPostgres, async (t) => {
  const { dataDir, cluster } = await usedDataDir(t);
  // Of the same account: the server does not mind what it could not signal.
  const bystander = spawn('sleep', ['1000'], { ...postgresAccount() });
  t.teardown(() => bystander.kill('SIGKILL'));
  await once(bystander, 'spawn');
  const lockFile = join(cluster, 'postmaster.pid');
  fs.writeFileSync(lockFile, `${bystander.pid}\n${cluster}\n1700000000\n5432\n\n\n\nready\n`);
  const { uid, gid } = fs.statSync(cluster);
  fs.chownSync(lockFile, uid, gid);
  t.strictSame(await startAndRead(t, dataDir), [{ text: 'first' }]);
  t.ok(runs(bystander.pid ?? 0));
});

t.test('what keeps the server from starting is said in one line', needsPostgres, async (t) => {
  const { dataDir, cluster } = await usedDataDir(t);
  fs.writeFileSync(join(cluster, 'PG_VERSION'), '9.6\n');
  t.match(
    await refusal(() => startEmbeddedPostgres({ dataDir, sharedDir })),
    'database files are incompatible with server',
  );
  fs.rmSync(cluster, { recursive: true });
  fs.rmSync(join(dataDir, 'postgres'), { recursive: true });
  fs.mkdirSync(join(dataDir, 'postgres'));
  fs.symlinkSync('/nonexistent', join(dataDir, 'postgres', 'cluster'));
  t.match(await refusal(() => startEmbeddedPostgres({ dataDir, sharedDir })), '(/nonexistent) is gone');
});

if (isRoot) {
  t.test(
    'as root below a closed folder the data is kept elsewhere, and found again',
    needsPostgres,
    async (t) => {
      const closed = temporaryFolder(t, 0o700);
      const sharedDir = programFolder(t);
      const dataDir = join(closed, 'data');
      fs.mkdirSync(dataDir, { mode: 0o700 });
      const { url, stop } = await startEmbeddedPostgres({ dataDir, sharedDir });
      await sql(url, 'CREATE TABLE notes (text text)', "INSERT INTO notes VALUES ('first')");
      await stop();
      t.equal(fs.statSync(closed).mode & 0o777, 0o700, 'what is above the data folder is not opened');
      t.ok(fs.realpathSync(join(dataDir, 'postgres', 'cluster')).startsWith(sharedDir));
      t.strictSame(await startAndRead(t, dataDir, sharedDir), [{ text: 'first' }]);
    },
  );

  t.test('as root the binaries are copied to where PostgreSQL’s account reaches them', needsPostgres, (t) => {
    const nativeDir = linkedBinaries(t, 0o700);
    const copiesDir = join(nativeDir, '..', 'copies');
    const { postgres } = findPostgresBinaries({ account: postgresAccount(), copiesDir, nativeDir });
    t.ok(postgres.startsWith(copiesDir));
    t.end();
  });
}

t.test('links that npm did not make, its scripts being off, are made', needsPostgres, (t) => {
  const nativeDir = linkedBinaries(t, 0o755);
  const links = fs
    .readdirSync(join(nativeDir, 'lib'), { withFileTypes: true })
    .filter((f) => f.isSymbolicLink());
  for (const { name } of links) fs.rmSync(join(nativeDir, 'lib', name));
  const { postgres } = findPostgresBinaries({
    account: postgresAccount(),
    copiesDir: cacheDir(),
    nativeDir,
  });
  t.ok(postgres.startsWith(nativeDir));
  t.end();
});

t.test('a system library that is missing is named, with what to do', needsPostgres, async (t) => {
  const nativeDir = linkedBinaries(t, 0o755);
  fs.rmSync(join(nativeDir, 'pg-symlinks.json'));
  for (const name of fs.readdirSync(join(nativeDir, 'lib'))) {
    if (name.startsWith('libicui18n')) fs.rmSync(join(nativeDir, 'lib', name));
  }
  const find = () => findPostgresBinaries({ account: postgresAccount(), copiesDir: cacheDir(), nativeDir });
  t.match(await refusal(find), /needs the system library libicui18n\S*: install .* or set DATABASE_URL/);
});

/** Not in memory: programs may have to run from it. */
function programFolder(t: Test): string {
  const dir = fs.mkdtempSync(join(tmpdir(), 'gatehouse-test-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true, force: true }));
  fs.chmodSync(dir, 0o755);
  return dir;
}

/** Linux lets nobody but the owner make a hard link, and nobody across file systems. */
function linkOrCopy(path: string, target: string): void {
  try {
    fs.linkSync(path, target);
  } catch {
    fs.copyFileSync(path, target);
  }
}

/** The package's files as hard links in a folder of its own, which is open to others or not. */
function linkedBinaries(t: Test, mode: number): string {
  const from = join(postgresInstallation().binaries.postgres, '..', '..');
  const to = join(programFolder(t), 'native');
  for (const entry of fs.readdirSync(from, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (path.includes('/share/') || path.endsWith('.a')) continue; // not needed to start
    const target = join(to, path.slice(from.length));
    fs.mkdirSync(join(target, '..'), { recursive: true });
    if (entry.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(path), target);
    else if (entry.isFile()) linkOrCopy(path, target);
  }
  fs.chmodSync(to, mode);
  return to;
}
