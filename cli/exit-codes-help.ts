import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';

const EXIT_CODES = '\nExit codes: 0 done, 1 something to put right (one line says what), 2 wrong usage.';

/** Every command's help tells its exit codes: those that say nothing of their own have the usual ones. */
export function tellExitCodes(command: Command): void {
  for (const sub of command.commands) tellExitCodes(sub);
  if (command.commands.length === 0 && !ownHelpText(command).includes('Exit codes:'))
    command.addHelpText('after', EXIT_CODES);
}

/** What the command has added to its help so far. */
function ownHelpText(command: Command): string {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  // An EventEmitter, which its types do not tell.
  (command as unknown as EventEmitter).emit('afterHelp', { error: false, command, write });
  return text;
}
