import type { Command } from 'commander';
import { systemClock } from '../kit/clock.js';
import { sarifLog } from './check/sarif.js';
import { type CheckResult, checkText } from './check/text.js';
import { withConfig } from './config-option.js';
import { print } from './print.js';
import { terminal } from './terminal.js';

interface CheckOptions {
  config: string;
  online?: boolean;
  strict?: boolean;
  json?: boolean;
  sarif?: boolean;
}

/** `gatehouse check`: is this config good? */
export function addCheckCommand(program: Command): void {
  withConfig(program.command('check'))
    .description('tells everything that is wrong with the config and its certificates, or soon will be')
    .option('--online', 'also go to what it names: keys of the issuers, Redis, mTLS with each upstream')
    .option('--strict', 'exit 1 for warnings too')
    .option('--json', 'print the findings as JSON')
    .option('--sarif', 'print them as SARIF 2.1.0, for code review and editors')
    .addHelpText(
      'after',
      '\nReads the files and the environment as the gateway does; without --online nothing leaves the machine.' +
        '\nExit codes: 0 good, warnings or not; 1 errors (with --strict: or warnings); 2 wrong usage.' +
        '\nEvery code is explained in docs/config-errors.md.' +
        '\n\nExamples:' +
        '\n  gatehouse check' +
        '\n  gatehouse check --config /etc/gatehouse --strict' +
        '\n  gatehouse check --online --json' +
        '\n  gatehouse check --sarif > gatehouse.sarif',
    )
    .action(check);
}

async function check(options: CheckOptions): Promise<void> {
  const result = await resultOf(options);
  if (options.sarif === true)
    print(JSON.stringify(sarifLog([...result.errors, ...result.warnings]), null, 2));
  else if (options.json === true) print(JSON.stringify(result, null, 2));
  else print(checkText(result));
  if (!result.ok) terminal().exitCode = 1;
}

async function resultOf({ config, online, strict }: CheckOptions): Promise<CheckResult> {
  const { checkConfig, checkOnline } = await import('../gateway/index.js');
  const { errors, warnings, options } = checkConfig(config, terminal().env, systemClock.now());
  const asked =
    online === true && options !== undefined ? await checkOnline(options, { clock: systemClock }) : undefined;
  const all = [...errors, ...(asked?.errors ?? [])];
  return {
    config,
    ok: all.length === 0 && (strict !== true || warnings.length === 0),
    errors: all,
    warnings,
    ...(asked === undefined ? {} : { online: asked.verdicts }),
    ...(options === undefined ? {} : { sources: options.sources, routes: options.value.routes.length }),
  };
}
