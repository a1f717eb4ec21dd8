import { CommanderError } from 'commander';
import { StartupError } from '../kit/startup-error.js';
import { createProgram } from './program.js';
import { terminal } from './terminal.js';

/** Runs `gatehouse …`. The exit code is the terminal's; a command that serves goes on after this has resolved. */
export async function run(args: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Wrong usage, or help and version, which it throws as well. It has said so.
      terminal().exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    if (!(error instanceof StartupError)) throw error;
    terminal().writeError(`gatehouse: ${error.detail}\n`);
    terminal().exitCode = 1;
  }
}
