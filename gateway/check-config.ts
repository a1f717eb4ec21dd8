import { readFileSync } from 'node:fs';
import {
  type ConfigProblem,
  type Env,
  firstOfEachPlace,
  inOrderOfPlaces,
  inspectConfigFile,
  isWarning,
} from '../kit/config-file.js';
import { parseJwks } from './adapters/parse-jwks.js';
import { checkCertificates } from './check-certificates.js';
import type { GatewayConfigFile } from './options.js';
import { findProblems } from './routing/find-problems.js';
import { GatewayConfigSchema } from './routing/schema.js';

/** What a config comes to, without starting anything or asking anybody. */
export interface ConfigReport {
  errors: readonly ConfigProblem[];
  warnings: readonly ConfigProblem[];
  /** There when nothing is wrong. */
  options: GatewayConfigFile | undefined;
}

/**
 * Everything that is wrong or will be soon with a config and the files that it names, at once, in the order of the
 * files. `now` in unix milliseconds decides about certificates.
 */
export function checkConfig(path: string, env: Env, now: number): ConfigReport {
  const { config, problems } = inspectConfigFile(path, GatewayConfigSchema, env);
  const meaning =
    config === undefined
      ? []
      : [...findProblems(config), ...checkCertificates(config, now), ...checkLocalKeys(config)];
  const all = inOrderOfPlaces(firstOfEachPlace([...problems, ...meaning]));
  const errors = all.filter((problem) => !isWarning(problem));
  return { errors, warnings: all.filter(isWarning), options: errors.length === 0 ? config : undefined };
}

/** Keys that stand in the config or in a file have to be good from the start. */
function checkLocalKeys({ value, problem }: GatewayConfigFile): ConfigProblem[] {
  return Object.entries(value.issuers).flatMap(
    ([name, { jwks, jwks_file: file, algorithms = ['ES256'] }]) => {
      if (jwks === undefined && file === undefined) return [];
      try {
        parseJwks(file === undefined ? jwks : readKeySet(file), algorithms);
        return [];
      } catch (error) {
        const message = `its keys cannot be used: ${(error as Error).message}`;
        return [
          problem(
            ['issuers', name, file === undefined ? 'jwks' : 'jwks_file'],
            'config_issuer_keys',
            message,
          ),
        ];
      }
    },
  );
}

/** The parser's own message would quote the file. */
function readKeySet(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`${file} is not JSON`);
  }
}
