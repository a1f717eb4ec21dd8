import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/**
 * Becomes the program, in its own session so that the terminal's Ctrl-C does not reach it, and leaves a watcher behind
 * (the inner `&` hands it to init, away from a program that counts its children). The watcher reads our end of the
 * pipe: a line means that all is done, an end without one that we died, even of kill -9, and that the program has to
 * go too.
 */
const SCRIPT = `
signal=$1 remove=$2
shift 2
( {
  read -r _ <&3 && exit
  kill -s "$signal" $$
  [ -n "$remove" ] || exit
  for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $$ || break; sleep 0.2; done
  rm -rf "$remove"
} >/dev/null 2>&1 & )
exec "$@" 3<&-
`;

export interface SupervisedProcess {
  readonly pid: number;
  /** How it ended, in words (`exit code 1`, `signal SIGKILL`). Never rejects. */
  readonly ended: Promise<string>;
  /** Sends a signal; does nothing once the process has ended. */
  signal(name: NodeJS.Signals): void;
  /** Sends a signal that ends it, and waits until it and its children have. */
  stop(name: NodeJS.Signals): Promise<void>;
  /** Lets our own process exit while this one is still running, which then ends too. */
  unref(): void;
}

export interface SupervisedOptions {
  /** What the process gets when ours dies without having stopped it. */
  signalWhenOrphaned: 'INT' | 'QUIT' | 'KILL';
  /** A folder that is deleted in that case. */
  removeWhenOrphaned?: string;
  env?: NodeJS.ProcessEnv;
  /** Default: `/`, which every account may read. */
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Receives each line of output. */
  onLine?: (line: string) => void;
}

/** Starts a server that ends with this process. Rejects when it cannot be started at all. POSIX only. */
export async function startSupervised(
  command: string,
  args: readonly string[],
  options: SupervisedOptions,
): Promise<SupervisedProcess> {
  const { signalWhenOrphaned, removeWhenOrphaned = '', onLine, cwd = '/', ...identity } = options;
  const child = spawn(
    '/bin/sh',
    ['-c', SCRIPT, 'sh', signalWhenOrphaned, removeWhenOrphaned, command, ...args],
    { ...identity, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  );
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
  // Not standard input: Node closes that by itself at the end, before anything can be written to it.
  const [, stdout, stderr, watcher] = child.stdio as unknown as [null, Socket, Socket, Socket];
  watcher.on('error', () => undefined).resume(); // the watcher may be gone first
  child.once('exit', () => watcher.end('done\n'));
  for (const output of [stdout, stderr]) readLines(output, onLine);
  const handles = [child, stdout, stderr, watcher];
  await once(child, 'spawn');
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (name) => void child.kill(name),
    async stop(name) {
      for (const handle of handles) handle.ref();
      child.kill(name);
      await ended;
    },
    unref() {
      for (const handle of handles) handle.unref();
    },
  };
}

/**
 * Starts a server and waits until it prints `readyLine`. Rejects with ServerEnded when it ends before that; while it
 * prints nothing of the kind and goes on, so does the wait.
 */
export async function startServer(
  command: string,
  args: readonly string[],
  options: SupervisedOptions & { readyLine: string },
): Promise<SupervisedProcess> {
  const { readyLine, ...supervised } = options;
  const output: string[] = [];
  let markReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });
  const server = await startSupervised(command, args, {
    ...supervised,
    onLine(line) {
      output.push(line);
      if (output.length > 50) output.shift();
      if (line.includes(readyLine)) markReady();
      options.onLine?.(line);
    },
  });
  const how = await Promise.race([ready, server.ended]);
  if (how !== undefined) throw new ServerEnded(`${command} ended with ${how}`, output);
  return server;
}

/** A server that ended instead of becoming ready. */
export class ServerEnded extends Error {
  /** The last lines it printed. */
  readonly output: readonly string[];

  constructor(message: string, output: readonly string[]) {
    super(output.length === 0 ? message : `${message}: ${output.at(-1)}`);
    this.output = output;
  }
}

function readLines(output: Readable, onLine: ((line: string) => void) | undefined): void {
  if (onLine === undefined) output.resume();
  else createInterface({ input: output }).on('line', onLine);
}
