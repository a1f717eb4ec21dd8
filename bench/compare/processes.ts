import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';

export interface Running {
  /** CPU seconds that it and its children have used so far. */
  cpuSeconds(): number;
  /** Resident memory of them all, in bytes. */
  residentBytes(): number;
  /** The end of what it has printed so far. */
  lastWords(): string;
  stop(): Promise<void>;
}

export interface Start {
  command: string;
  args: readonly string[];
  /** Waited for: it is up when this port takes a connection. */
  port: number;
  cpus: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

const TICKS_PER_SECOND = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);
const PAGE_BYTES = Number(spawnSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }).stdout);
const UP_WITHIN_MS = 30_000;

/** Starts a program on the processors named. Throws with its last words when it does not come up. */
export async function startPinned({ command, args, port, cpus, env, cwd }: Start): Promise<Running> {
  const child = spawn('taskset', ['-c', cpus, command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let words = '';
  const listenTo = (chunk: Buffer): void => {
    words = (words + chunk.toString()).slice(-4000);
  };
  child.stdout.on('data', listenTo);
  child.stderr.on('data', listenTo);
  if (!(await isUp(port, child))) {
    child.kill('SIGKILL');
    throw new Error(`${command} did not come up on port ${port}:\n${words}`);
  }
  const pid = child.pid ?? 0;
  return {
    cpuSeconds: () => sum(family(pid), (each) => cpuTicks(each)) / TICKS_PER_SECOND,
    residentBytes: () => sum(family(pid), (each) => residentPages(each)) * PAGE_BYTES,
    lastWords: () => words,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(timer);
    },
  };
}

async function isUp(port: number, child: ChildProcess): Promise<boolean> {
  const until = Date.now() + UP_WITHIN_MS;
  while (Date.now() < until && child.exitCode === null) {
    if (await accepts(port)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** proc(5): a process and all below it. */
function family(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (fields !== undefined) parents.set(Number(name), Number(fields[1]));
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
}

/** What follows the name in /proc/PID/stat: state, parent, … */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

const cpuTicks = (pid: number): number => {
  const fields = statOf(pid);
  return fields === undefined ? 0 : Number(fields[11]) + Number(fields[12]);
};

const residentPages = (pid: number): number => Number(statOf(pid)?.[21] ?? 0);

const sum = (pids: number[], of: (pid: number) => number): number =>
  pids.reduce((total, pid) => total + of(pid), 0);

/** The first line of what `command` says of its version; undefined where it is not installed. */
export function versionOf(command: string, args: readonly string[] = ['--version']): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === null) return undefined;
  return `${stdout}${stderr}`.trim().split('\n')[0];
}
