import { readFileSync } from 'node:fs';
import type { Static, TSchema } from 'typebox';
import { type ConfigDocument, parseConfigDocument } from './config/config-document.js';
import {
  ConfigError,
  type ConfigPath,
  type ConfigPlace,
  type ConfigProblem,
  type Env,
} from './config/config-problem.js';
import { listConfigFiles } from './config/list-config-files.js';
import { mergeDocuments } from './config/merge-documents.js';
import { schemaProblems } from './config/schema-problems.js';
import { StartupError } from './startup-error.js';

export { ConfigError, type ConfigPath, type ConfigPlace, type ConfigProblem, type Env };

/** A parsed config that still knows where each value stood. */
export interface ConfigFile<T> {
  /** The file or the folder, as given. */
  file: string;
  value: T;
  /** Every file whose content went into it, in the order of reading. */
  sources: readonly string[];
  /** Of the value at `path` (or its nearest existing parent). */
  place(path: ConfigPath): ConfigPlace;
  /** A problem with the value at `path`. */
  problem(path: ConfigPath, code: string, message: string): ConfigProblem;
}

/**
 * Reads a file, or all `*.yaml` and `*.yml` of a folder merged, substitutes `${NAME}` and `${NAME:-default}`, and
 * validates. An unquoted scalar that becomes a number or a boolean by substitution is one; a quoted one stays text.
 * Throws ConfigError with every problem found.
 */
export function readConfigFile<S extends TSchema>(path: string, schema: S, env: Env): ConfigFile<Static<S>> {
  const texts = reading(path, () => listConfigFiles(path)).map((file) => ({
    file,
    text: reading(file, () => readFileSync(file, 'utf8')),
  }));
  return parseTexts(path, texts, schema, env);
}

/** {@link readConfigFile} on a text; `file` is only its name. */
export function parseConfig<S extends TSchema>(
  text: string,
  file: string,
  schema: S,
  env: Env,
): ConfigFile<Static<S>> {
  return parseTexts(file, [{ file, text }], schema, env);
}

interface ConfigText {
  file: string;
  text: string;
}

function parseTexts<S extends TSchema>(
  name: string,
  texts: readonly ConfigText[],
  schema: S,
  env: Env,
): ConfigFile<Static<S>> {
  const [first, ...others] = parseAll(texts, env);
  if (first === undefined) throw new StartupError(`there is no *.yaml or *.yml in ${name}`);
  const { value, place, problems: conflicts } = mergeDocuments([first, ...others], schema);
  const problem = (path: ConfigPath, code: string, message: string): ConfigProblem => ({
    ...place(path),
    code,
    message,
  });
  const problems = [...conflicts, ...schemaProblems(schema, value, problem)];
  if (problems.length > 0) throw new ConfigError(problems);
  return { file: name, value: value as Static<S>, sources: texts.map(({ file }) => file), place, problem };
}

/** One broken file does not hide what is wrong with the others. */
function parseAll(texts: readonly ConfigText[], env: Env): ConfigDocument[] {
  const problems: ConfigProblem[] = [];
  const documents = texts.flatMap(({ file, text }) => {
    try {
      return [parseConfigDocument(text, file, env)];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return documents;
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new StartupError(`cannot read config ${path}: ${reason}`, { cause });
  }
}
