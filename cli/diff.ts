import type { Command } from 'commander';
import type { ConfigChange } from '../gateway/index.js';
import { cell, printAnswer } from './print.js';
import { terminal } from './terminal.js';

const EXIT_DIFFERENT = 2;

/** `gatehouse diff OLD NEW`: what a change of the config means. */
export function addDiffCommand(program: Command): void {
  program
    .command('diff')
    .description('what changes for callers and operators between two configs, the most dangerous first')
    .argument('<old>', 'gateway.yaml, or a folder of such files')
    .argument('<new>', 'the same, as it is to be')
    .option('--json', 'print the changes as JSON')
    .addHelpText(
      'after',
      '\nOrder, comments, names of parameters and how routes are grouped are no change.' +
        '\nExit codes: 0 the same, 2 different, 1 one of them cannot be read; wrong usage is 2 as well, with a line on standard error.' +
        '\n\nExample:\n  gatehouse diff config/gateway.yaml new/gateway.yaml',
    )
    .action(diff);
}

async function diff(oldPath: string, newPath: string, options: { json?: boolean }): Promise<void> {
  const { diffConfigs, EFFECTS, loadGatewayConfig, offlineGateway } = await import('../gateway/index.js');
  const before = await offlineGateway(loadGatewayConfig(oldPath, terminal().env));
  const after = await offlineGateway(loadGatewayConfig(newPath, terminal().env));
  const changes = diffConfigs(before, after);
  printAnswer(options, { same: changes.length === 0, changes }, () =>
    changes.length === 0 ? 'no difference in effect' : changesText(changes, EFFECTS),
  );
  if (changes.length > 0) terminal().exitCode = EXIT_DIFFERENT;
}

function changesText(
  changes: readonly ConfigChange[],
  effects: readonly (readonly [string, string])[],
): string {
  return effects
    .map(([effect, title]) => ({ title, group: changes.filter((change) => change.effect === effect) }))
    .filter(({ group }) => group.length > 0)
    .map(({ title, group }) => [title, ...group.map(lineOf)].join('\n'))
    .join('\n\n');
}

function lineOf({ where, what, source }: ConfigChange): string {
  return `  ${cell(where)}: ${cell(what)}${source === null ? '' : `  ${source}`}`;
}
