import type { Command } from 'commander';
import type {
  ConfigHistoryReport,
  ConfigReload,
  ConfigReloadProblem,
  ConfigState,
} from '../contracts/admin-api.js';
import { askGateway, type GatewayAdminOptions, withGatewayAdmin } from './gateway-admin.js';
import { cell, print, printAnswer, table } from './print.js';
import { terminal } from './terminal.js';

interface Options extends GatewayAdminOptions {
  json?: boolean;
}

const EXIT_CODES = '\nExit codes: 0 done, 1 refused or no answer, 2 wrong usage.';

/** `gatehouse config history`, `reload` and `rollback`: what a running gateway goes by, and went by before. */
export function addConfigHistoryCommands(config: Command): void {
  const add = (name: string, description: string, example: string): Command =>
    withGatewayAdmin(config.command(name))
      .description(description)
      .option('--json', 'print the answer as JSON')
      .addHelpText('after', `${EXIT_CODES}\n\nExample:\n  ${example}`);

  add('history', 'the last ten good configs of a running gateway', 'gatehouse config history').action(
    async (options: Options) => {
      const report = await askGateway<ConfigHistoryReport>(options, 'GET', '/config/history');
      printAnswer(options, report, historyText);
    },
  );
  add('reload', 'has a running gateway read its config again', 'gatehouse config reload').action(
    async (options: Options) => conclude(options, await change(options, '/config/reload')),
  );
  add(
    'rollback [version]',
    'puts an earlier config in force until the file changes again or the gateway restarts; by default the one before',
    'gatehouse config rollback 3f2a9c01d4e7',
  ).action(async (version: string | undefined, options: Options) =>
    conclude(options, await change(options, '/config/rollback', version === undefined ? {} : { version })),
  );
}

const change = (options: Options, path: string, body?: object): Promise<ConfigReload> =>
  askGateway<ConfigReload>(options, 'POST', path, body, [422]);

function conclude(options: Options, report: ConfigReload): void {
  printAnswer(options, report, reloadText);
  if (report.result === 'refused') terminal().exitCode = 1;
  else if (options.json !== true && report.trigger === 'rollback')
    print('The file on disk is as it was: it is read again when it changes and when the gateway restarts.');
}

function historyText({ in_force: state, versions }: ConfigHistoryReport): string {
  const rows = versions.map(({ version, at, files, in_force }) => [
    version,
    at,
    in_force ? 'in force' : null,
    files.join(' '),
  ]);
  return [stateText(state), table(['VERSION', 'IN FORCE SINCE', '', 'FILES'], rows)].join('\n\n');
}

function stateText({ version, origin, file, differs_from_file, last_reload }: ConfigState): string {
  const origins = { file: `from ${cell(file)}`, rollback: 'by rollback' };
  const lines = [`${version} is in force, ${origins[origin]}`];
  if (differs_from_file) lines.push(`${cell(file)} holds another: a restart would take that one`);
  if (last_reload.result === 'refused') lines.push(reloadText(last_reload));
  return lines.join('\n');
}

function reloadText(report: ConfigReload): string {
  const { result, version, previous, problems, warnings, issuers_without_keys } = report;
  const outcomes = {
    refused: `refused; ${version} stays in force`,
    unchanged: `unchanged; ${version} is in force`,
    applied: `${version} is in force, in place of ${previous}`,
  };
  return [
    outcomes[result],
    ...problems.map(problemText),
    ...warnings.map((warning) => `warning ${problemText(warning)}`),
    ...issuers_without_keys.map((name) => `no keys of ${cell(name)} yet: its tokens get 503`),
  ].join('\n  ');
}

function problemText({ file, line, column, code, message }: ConfigReloadProblem): string {
  const at = file === undefined ? '' : `${file}:${line}:${column} `;
  return cell(`${at}${code}: ${message}`);
}
