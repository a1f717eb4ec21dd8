import type { Command } from 'commander';
import type { ExpectationReport } from '../gateway/index.js';
import { cell, printAnswer } from './print.js';
import { terminal } from './terminal.js';

interface TestOptions {
  config?: string;
  allRoutes?: boolean;
  json?: boolean;
}

/** `gatehouse test FILE`: a config against what its owners expect of it. */
export function addTestCommand(program: Command): void {
  program
    .command('test')
    .description('hold a config to the expectations of a file; nothing runs and nothing is sent')
    .argument('<file>', 'the expectations, YAML')
    .option('--config <path>', 'gateway.yaml or a folder (default: the one that the file names)')
    .option('--all-routes', 'fail when no expectation comes to a route')
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 all hold, 1 some do not or a file is wrong, 2 wrong usage.' +
        '\n\nExample:\n  gatehouse test config/gateway.test.yaml',
    )
    .action(test);
}

async function test(file: string, options: TestOptions): Promise<void> {
  const { runExpectations } = await import('../gateway/index.js');
  const report = await runExpectations(file, options.config, terminal().env);
  printAnswer(options, report, reportText);
  const failed = report.results.some(({ differences }) => differences.length > 0);
  if (failed || (options.allRoutes === true && report.untested.length > 0)) terminal().exitCode = 1;
}

function reportText({ results, untested }: ExpectationReport): string {
  const failed = results.filter(({ differences }) => differences.length > 0);
  const lines = failed.flatMap(({ text, source, differences }) => [
    cell(`NO  ${text}`),
    `    at ${source}`,
    ...differences.map((difference) => cell(`    ${difference}`)),
  ]);
  const rest = untested.map((id) => cell(`no expectation comes to ${id}`));
  return [...lines, ...rest, `${results.length - failed.length} hold, ${failed.length} do not`].join('\n');
}
