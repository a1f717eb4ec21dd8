import { spawnSync } from 'node:child_process';
import { StartupError } from '../kit/startup-error.js';

/** Whom a process runs as. */
export interface Account {
  uid: number;
  gid: number;
}

/**
 * PostgreSQL refuses to run as root. Of the accounts that are there already the first of these runs it: a package's
 * own, or the one that every system has. None is created, since that would change a machine that only asked for a try.
 */
const ACCOUNTS = ['postgres', '_postgres', 'nobody'];

/**
 * The account to run PostgreSQL as, or undefined when it can be our own. Throws StartupError when we are root and
 * may not become anyone else, as in a container without other users or without CAP_SETUID.
 */
export function postgresAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ACCOUNTS) {
    const account = lookUp(name);
    if (account !== undefined && canBecome(account)) return account;
  }
  throw new StartupError(
    'PostgreSQL does not run as root, and there is no other account to run it as: start as an ordinary user, or set DATABASE_URL',
  );
}

/** Whether the account may do something with a path: test(1)'s letters, `x` on a folder is to pass through it. */
export function accountMay(account: Account, what: 'r' | 'w' | 'x', path: string): boolean {
  return spawnSync('/bin/sh', ['-c', `test -${what} "$0"`, path], { ...account, cwd: '/' }).status === 0;
}

function lookUp(name: string): Account | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
    return status === 0 ? Number.parseInt(stdout, 10) : 0;
  });
  return uid && gid ? { uid, gid } : undefined;
}

function canBecome(account: Account): boolean {
  return spawnSync('/bin/sh', ['-c', ':'], { ...account, cwd: '/' }).status === 0;
}
