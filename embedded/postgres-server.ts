import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../kit/startup-error.js';
import type { Account } from './postgres-account.js';
import { type PostgresBinaries, postgresEnvironment } from './postgres-binaries.js';
import { isPostgresOf } from './process-identity.js';
import { ServerEnded, type SupervisedProcess, startServer } from './supervised-process.js';

const READY_LINE = 'database system is ready to accept connections';
const FAST_STOP_MS = 10_000;
const LEFTOVER_LOOK_MS = 20;

export interface PostgresServerOptions {
  binaries: PostgresBinaries;
  clusterDir: string;
  account: Account | undefined;
  /** Further settings (`name: value`), which win over those made here. */
  settings?: Record<string, string>;
  onLine?: (line: string) => void;
  /** See SupervisedOptions. Default: a fast shutdown. */
  signalWhenOrphaned?: 'INT' | 'QUIT';
  removeWhenOrphaned?: string;
}

/** Thrown when another process took the port in between. */
export class PortTaken extends Error {}

/**
 * Starts the server of a cluster on a loopback port, and resolves when it accepts connections. No Unix socket: its
 * path may be too long. Rejects with PortTaken, or with a StartupError that says what the server said.
 */
export async function startPostgresServer(
  port: number,
  options: PostgresServerOptions,
): Promise<SupervisedProcess> {
  const { binaries, clusterDir, account, settings, onLine, ...orphaned } = options;
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    // The log goes to our own: no row values (DETAIL) and no statements in it.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    ...settings,
  };
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  try {
    return await startServer(binaries.postgres, ['-D', clusterDir, ...args], {
      readyLine: READY_LINE,
      signalWhenOrphaned: 'INT',
      ...orphaned,
      ...account,
      env: postgresEnvironment,
      ...(onLine && { onLine }),
    });
  } catch (error) {
    throw explain(error, clusterDir);
  }
}

function explain(error: unknown, clusterDir: string): unknown {
  if (!(error instanceof ServerEnded)) return error;
  if (error.output.some((line) => line.includes('Address already in use'))) {
    return new PortTaken('the port is taken', { cause: error });
  }
  const fatal = error.output.findLast((line) => /\b(FATAL|PANIC|ERROR)\b/.test(line)) ?? error.message;
  const text = `PostgreSQL does not start on ${clusterDir}: ${fatal.replace(/^.*(FATAL|PANIC|ERROR):\s*/, '')}`;
  return new StartupError(text, { cause: error });
}

/** A fast shutdown (clients are cut off, all is written), and an immediate one should that take over 10 s. */
export async function stopPostgresServer(server: SupervisedProcess): Promise<void> {
  const timer = setTimeout(() => server.signal('SIGQUIT'), FAST_STOP_MS);
  await server.stop('SIGINT');
  clearTimeout(timer);
}

/**
 * Ends a server that is still running on the cluster from before, as after kill -9 of the process that had started it.
 * Stopped and not adopted: the new one is ours to watch, and starts in a moment.
 */
export async function endLeftoverServer(clusterDir: string): Promise<void> {
  const lockFile = join(clusterDir, 'postmaster.pid');
  const pid = readPid(lockFile);
  if (pid === undefined) return;
  const startedAt = performance.now();
  for (let signal: NodeJS.Signals | undefined = 'SIGINT'; isPostgresOf(pid, clusterDir); ) {
    if (signal !== undefined) process.kill(pid, signal);
    await new Promise((again) => setTimeout(again, LEFTOVER_LOOK_MS));
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > 2 * FAST_STOP_MS) {
      throw new StartupError(
        `the PostgreSQL server ${pid} on ${clusterDir} does not stop: end it with kill -9 ${pid}`,
      );
    }
    signal = waitedMs > FAST_STOP_MS ? 'SIGQUIT' : undefined;
  }
  // It removes the file itself, unless it was killed. The number may belong to another process by now, and the
  // server would then take that for a server of its own cluster and refuse to start.
  if (readPid(lockFile) === pid) rmSync(lockFile, { force: true });
}

/** The first line; negative for a single-user server. */
function readPid(lockFile: string): number | undefined {
  try {
    const pid = Math.abs(Number.parseInt(readFileSync(lockFile, 'utf8'), 10));
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
