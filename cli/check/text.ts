import type { OnlineVerdict } from '../../gateway/index.js';
import { showProblem } from '../../kit/config/config-problem.js';
import type { ConfigProblem } from '../../kit/config-file.js';
import { table } from '../print.js';

/** What `--json` prints. */
export interface CheckResult {
  config: string;
  /** What the exit code says. */
  ok: boolean;
  errors: readonly ConfigProblem[];
  warnings: readonly ConfigProblem[];
  /** With `--online`, where the config itself is good. */
  online?: readonly OnlineVerdict[];
  /** Where nothing is wrong: the files that were read, and how many routes they make. */
  sources?: readonly string[];
  routes?: number;
}

export function checkText({ config, errors, warnings, online = [], routes = 0 }: CheckResult): string {
  const asked = online.map(({ part, name, target, ok, detail }) => [
    ok ? 'ok' : 'FAIL',
    part,
    name,
    target,
    detail,
  ]);
  return [
    // What was found online has a line in the table.
    ...errors.filter(({ code }) => !code.startsWith('config_online_')).map((problem) => showProblem(problem)),
    ...warnings.map((problem) => showProblem(problem, 'warning')),
    ...(asked.length === 0 ? [] : [`${table(['', 'part', 'name', 'target', 'found'], asked)}\n`]),
    errors.length + warnings.length === 0
      ? `${config} is good: ${count(routes, 'route')}`
      : `${config}: ${count(errors.length, 'error')}, ${count(warnings.length, 'warning')}`,
  ].join('\n');
}

const count = (many: number, what: string): string => `${many} ${what}${many === 1 ? '' : 's'}`;
