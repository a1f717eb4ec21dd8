import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { LintFinding } from '../gateway/index.js';
import { withConfig } from './config-option.js';
import { cell, printAnswer } from './print.js';

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
    .option('--strict', 'exit 1 for warnings too')
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      '\nThe ignore file lists `{ rule, where?, reason }`; an entry that accepts nothing is said to be stale.' +
        '\nExit codes: 0 nothing above a warning, 1 errors (with --strict: or warnings) or a wrong config, 2 wrong usage.' +
        '\n\nExamples:\n  gatehouse lint\n  gatehouse lint --strict --ignore .gatehouse-lint.yaml',
    )
    .action(lint);
}

async function lint(options: LintOptions): Promise<void> {
  const { ignoreFindings, lintConfig, loadGatewayConfig, offlineGateway } = await import(
    '../gateway/index.js'
  );
  const findings = lintConfig(await offlineGateway(loadGatewayConfig(options.config, process.env)));
  const file = options.ignore ?? (existsSync(DEFAULT_IGNORE) ? DEFAULT_IGNORE : undefined);
  const report = ignoreFindings(findings, file);
  printAnswer(options, report, ({ findings: left, ignored, stale }) =>
    [
      ...left.map(findingText),
      ...stale.map((entry) => `${cell(file)}: ${cell(entry)} accepts nothing any more: remove it`),
      `${left.length} findings, ${ignored} ignored`,
    ].join('\n'),
  );
  const severities = options.strict === true ? ['error', 'warning'] : ['error'];
  if (report.findings.some(({ severity }) => severities.includes(severity))) process.exitCode = 1;
}

const findingText = ({ rule, severity, where, message, source }: LintFinding): string =>
  `${severity.padEnd(7)}  ${rule}  ${cell(where)}: ${cell(message)}${source === null ? '' : `  ${source}`}`;
