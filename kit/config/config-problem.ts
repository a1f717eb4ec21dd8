import { type ConfigCode, configProblemSpec } from '../../contracts/config-problems.js';
import { StartupError } from '../startup-error.js';

/** Where something stands in the config. */
export interface ConfigPlace {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  /** Behind its last character, on the same line. */
  endColumn?: number;
}

export interface ConfigProblem extends ConfigPlace {
  /** Stable, for tools. */
  code: ConfigCode;
  message: string;
  /** The line with its neighbours and a mark, secrets blotted out. */
  frame?: string;
}

/** All that is wrong with a config, at once. */
export class ConfigError extends StartupError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map((problem) => describeProblem(problem)).join('\n'), {
      detail: problems.map((problem) => showProblem(problem)).join('\n'),
    });
    this.problems = problems;
  }
}

/** `file:line:column code: message`, one line. */
export const describeProblem = (
  { file, line, column, code, message }: ConfigProblem,
  kind: 'error' | 'warning' = 'error',
): string => `${file}:${line}:${column} ${kind === 'warning' ? 'warning ' : ''}${code}: ${message}`;

/** {@link describeProblem} and the frame below it. */
export function showProblem(problem: ConfigProblem, kind: 'error' | 'warning' = 'error'): string {
  const line = describeProblem(problem, kind);
  return problem.frame === undefined ? line : `${line}\n${problem.frame}\n`;
}

export const isWarning = ({ code }: ConfigProblem): boolean => configProblemSpec(code).severity === 'warning';

export type ConfigPath = readonly (string | number)[];
export type Env = Readonly<Record<string, string | undefined>>;
