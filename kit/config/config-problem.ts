import { StartupError } from '../startup-error.js';

/** Where something stands in the config. */
export interface ConfigPlace {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

export interface ConfigProblem extends ConfigPlace {
  /** Stable, for tools. */
  code: string;
  message: string;
}

/** All that is wrong with a config, at once. */
export class ConfigError extends StartupError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map((p) => `${p.file}:${p.line}:${p.column} ${p.code}: ${p.message}`).join('\n'));
    this.problems = problems;
  }
}

export type ConfigPath = readonly (string | number)[];
export type Env = Readonly<Record<string, string | undefined>>;
