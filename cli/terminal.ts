import { AsyncLocalStorage } from 'node:async_hooks';
import type { Readable } from 'node:stream';

/** Where a command was called: what it reads and writes besides files. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Readable & { isTTY?: boolean };
  write(text: string): void;
  writeError(text: string): void;
  exitCode: number;
}

const ofTheProcess: Terminal = {
  env: process.env,
  get stdin() {
    return process.stdin;
  },
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  get exitCode() {
    return Number(process.exitCode ?? 0);
  },
  set exitCode(code) {
    process.exitCode = code;
  },
};

const current = new AsyncLocalStorage<Terminal>();

/** The process's own, unless {@link atTerminal} says otherwise. */
export const terminal = (): Terminal => current.getStore() ?? ofTheProcess;

/** Runs commands with another terminal: several can run in one process, each with its own. */
export const atTerminal = <T>(other: Terminal, run: () => T): T => current.run(other, run);
