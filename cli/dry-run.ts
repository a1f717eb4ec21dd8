import type { Command } from 'commander';
import type { DryRunReport } from '../gateway/index.js';
import { StartupError } from '../kit/startup-error.js';
import { cell, printAnswer } from './print.js';
import { readLines } from './read-lines.js';
import { terminal } from './terminal.js';

const EXIT_DIFFERENT = 2;

/** `gatehouse dry-run LOG OLD NEW`: what a change of the config would have meant for requests that were made. */
export function addDryRunCommand(program: Command): void {
  program
    .command('dry-run')
    .description('replays the requests of an access log against two configs; nothing is sent')
    .argument('<log>', 'JSON lines as a gateway with `log.path: raw` writes them; - is standard input')
    .argument('<old>', 'gateway.yaml, or a folder of such files: the one that the log was written under')
    .argument('<new>', 'the same, as it is to be')
    .option('--json', 'print the groups as JSON')
    .addHelpText(
      'after',
      '\nThe log holds no tokens: who was admitted is taken to have what the old route asks for and no more, and where' +
        '\nmore would decide, the answer is that it may change.' +
        '\nExit codes: 0 nothing changes for them, 2 something does or may, 1 a config or the log cannot be used; wrong usage is 2 as well, with a line on standard error.' +
        '\n\nExamples:\n  gatehouse dry-run access.log config/gateway.yaml new/gateway.yaml' +
        '\n  zcat access.log.gz | gatehouse dry-run - config/gateway.yaml new/gateway.yaml --json',
    )
    .action(run);
}

async function run(
  log: string,
  oldPath: string,
  newPath: string,
  options: { json?: boolean },
): Promise<void> {
  const { CHANGES, dryRun, loadGatewayConfig, offlineGateway } = await import('../gateway/index.js');
  const before = await offlineGateway(loadGatewayConfig(oldPath, terminal().env));
  const after = await offlineGateway(loadGatewayConfig(newPath, terminal().env));
  const report = await dryRun(readLines(log), before, after);
  if (report.replayed === 0) throw new StartupError(`nothing to replay: ${whyNothing(report)}`);
  printAnswer(options, report, () => reportText(report, CHANGES));
  if (!report.same) terminal().exitCode = EXIT_DIFFERENT;
}

function whyNothing({ skipped }: DryRunReport): string {
  if (skipped.no_path > 0)
    return 'the log has the paths of routes, not of requests. Set `log: { path: raw }` and let the gateway run for a while';
  return skippedText(skipped) || 'the log is empty';
}

function reportText(report: DryRunReport, changes: readonly (readonly [string, string])[]): string {
  const { groups, replayed, changed, odd, skipped } = report;
  const sections = changes
    .map(([change, title]) => ({ title, group: groups.filter((group) => group.change === change) }))
    .filter(({ group }) => group.length > 0)
    .map(({ title, group }) => [title, ...group.map(groupText)].join('\n'));
  const notes = [
    `${replayed} requests replayed, ${changed} of them change or may change`,
    ...(odd === 0
      ? []
      : [`${odd} came to another route when they were logged than the old config has for them`]),
    ...(skippedText(skipped) === '' ? [] : [`not replayed: ${skippedText(skipped)}`]),
    'The log holds no tokens, bodies, headers or queries: what only these decide is not seen.',
  ];
  return [...sections, notes.join('\n')].join('\n\n');
}

function groupText({ count, method, before, after, why, example }: DryRunReport['groups'][number]): string {
  const side = ({ route, verdict }: typeof before): string =>
    `${verdict}${route === null ? '' : `  ${route.source}`}`;
  return [
    `  ${count} × ${cell(method)} ${cell(before.route?.name ?? after.route?.name ?? example)}, such as ${cell(example)}`,
    `      old: ${cell(side(before))}`,
    `      new: ${cell(side(after))}`,
    ...why.map((line) => `      ${cell(line)}`),
  ].join('\n');
}

function skippedText(skipped: DryRunReport['skipped']): string {
  const names = {
    no_path: "requests with a route's path in place of their own (log.path: raw)",
    shortened: 'requests whose path was cut off',
    preflight: 'preflights',
    other: 'lines about something else',
    bad: 'lines that are no JSON objects',
  };
  return Object.entries(names)
    .map(([name, text]) => [skipped[name as keyof typeof skipped], text] as const)
    .filter(([many]) => many > 0)
    .map(([many, text]) => `${many} ${text}`)
    .join(', ');
}
