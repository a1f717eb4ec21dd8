import { Argument, type Command } from 'commander';
import { print } from './print.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** `gatehouse completion SHELL`: from the same table of commands as the help. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('prints what a shell needs to complete commands and options')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nExit codes: 0 printed, 2 wrong usage.' +
        '\n\nExamples:\n  source <(gatehouse completion bash)' +
        `\n  gatehouse completion zsh > "\${fpath[1]}/_gatehouse"` +
        '\n  gatehouse completion fish | source',
    )
    .action(async (shell: Shell) => print(await scriptFor(shell, program)));
}

async function scriptFor(shell: Shell, program: Command): Promise<string> {
  const { commandTable } = await import('./completion/command-table.js');
  const table = commandTable(program);
  switch (shell) {
    case 'bash':
      return (await import('./completion/bash.js')).bashCompletion(table);
    case 'zsh':
      return (await import('./completion/zsh.js')).zshCompletion(table);
    case 'fish':
      return (await import('./completion/fish.js')).fishCompletion(table);
  }
}
