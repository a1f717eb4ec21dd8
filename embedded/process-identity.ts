import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Something that only this run of a process has: of two processes that have had the same number, one after the
 * other, each has its own. Undefined when no process runs under the number.
 */
export function processIdentity(pid: number): string | undefined {
  const started = process.platform === 'linux' ? startedLinux(pid) : startedElsewhere(pid);
  return started === undefined ? undefined : createHash('sha256').update(started).digest('hex').slice(0, 16);
}

/** Start in clock ticks since boot (proc(5), field 22) with the boot's own id. A zombie has ended. */
function startedLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name may hold anything
    if (state === 'Z' || state === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')} ${fields[18]}`;
  } catch {
    return undefined;
  }
}

function startedElsewhere(pid: number): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

/** Whether the process is the PostgreSQL server of this cluster, and not one that got its number later. */
export function isPostgresOf(pid: number, clusterDir: string): boolean {
  if (processIdentity(pid) === undefined) return false;
  try {
    if (process.platform === 'linux') {
      // The server makes the cluster its working directory.
      return commandName(pid) === 'postgres' && readlinkSync(`/proc/${pid}/cwd`) === clusterDir;
    }
    const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout.includes('postgres') && stdout.includes(clusterDir);
  } catch {
    return false;
  }
}

function commandName(pid: number): string {
  return basename(readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
}
