import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { LintFinding } from '../gateway/index.js';
import { withConfig } from './config-option.js';
import { cell, printAnswer } from './print.js';
import { terminal } from './terminal.js';

interface LintOptions {
  config: string;
  ignore?: string;
  strict?: boolean;
  json?: boolean;
}

const DEFAULT_IGNORE = '.gatehouse-lint.yaml';

/** `gatehouse lint`: what a config allows and perhaps should not. */
export function addLintCommand(program: Command): void {
  withConfig(program.command('lint'))
    .description('what the config allows and perhaps should not: public routes, missing limits, wide CORS, …')
    .option('--ignore <file>', `findings that are accepted (default: ${DEFAULT_IGNORE}, where there is one)`)
    .option('--strict', 'exit 1 for warnings and stale ignores too')
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      '\nA finding is accepted by a comment above or beside what it is about: # lint-ignore: RULE — REASON' +
        '\nor by the ignore file, which lists `{ rule, where?, reason }`. What accepts nothing is said to be stale.' +
        '\nExit codes: 0 no error, 1 errors (with --strict: or warnings or stale ignores) or a wrong config, 2 wrong usage.' +
        '\n\nExamples:\n  gatehouse lint\n  gatehouse lint --strict --ignore .gatehouse-lint.yaml',
    )
    .action(lint);
}

async function lint(options: LintOptions): Promise<void> {
  const { ignoreFindings, lintConfig, loadGatewayConfig, offlineGateway } = await import(
    '../gateway/index.js'
  );
  const gateway = await offlineGateway(loadGatewayConfig(options.config, terminal().env));
  const file = options.ignore ?? (existsSync(DEFAULT_IGNORE) ? DEFAULT_IGNORE : undefined);
  const report = ignoreFindings(lintConfig(gateway), gateway, file);
  printAnswer(options, report, ({ findings: left, ignored, stale }) =>
    [
      ...left.map(findingText),
      ...stale.map((line) => `stale    ${cell(line)}`),
      `${left.length} findings, ${ignored} ignored`,
    ].join('\n'),
  );
  const isStrict = options.strict === true;
  const fails = ({ severity }: LintFinding): boolean =>
    severity === 'error' || (isStrict && severity === 'warning');
  if (report.findings.some(fails) || (isStrict && report.stale.length > 0)) terminal().exitCode = 1;
}

const findingText = ({ rule, severity, where, message, source }: LintFinding): string =>
  `${severity.padEnd(7)}  ${rule}  ${cell(where)}: ${cell(message)}  ${source}`;
