import { readFileSync } from 'node:fs';
import type { Static, TSchema } from 'typebox';
import type { ConfigCode } from '../contracts/config-problems.js';
import { type ConfigDocument, parseConfigDocument } from './config/config-document.js';
import {
  ConfigError,
  type ConfigPath,
  type ConfigPlace,
  type ConfigProblem,
  type Env,
  isWarning,
} from './config/config-problem.js';
import { decodeText } from './config/decode-text.js';
import { listConfigFiles } from './config/list-config-files.js';
import { mergeDocuments } from './config/merge-documents.js';
import { schemaProblems } from './config/schema-problems.js';
import { whyUnreadable } from './config/why-unreadable.js';

export { ConfigError, type ConfigPath, type ConfigPlace, type ConfigProblem, type Env, isWarning };

/** A parsed config that still knows where each value stood. */
export interface ConfigFile<T> {
  /** The file or the folder, as given. */
  file: string;
  value: T;
  /** Every file whose content went into it: of the config, and of its secrets. */
  sources: readonly string[];
  /** The config's own files as read, before any substitution: references to secrets are references still. */
  texts: readonly ConfigText[];
  /** What reading found and let pass. */
  warnings: readonly ConfigProblem[];
  /** Of the value at `path`, or of its key where it is a list or a map; of its nearest parent that is there. */
  place(path: ConfigPath): ConfigPlace;
  /** A problem with the value at `path`. */
  problem(path: ConfigPath, code: ConfigCode, message: string): ConfigProblem;
}

export interface ConfigText {
  /** As it is called in problems. */
  file: string;
  text: string;
}

/** What reading found, warnings among it. */
export interface ConfigInspection<T> {
  /**
   * There when the form is right. Then what is wrong may be a key too many, a variable or a secret file that is missing:
   * the rest can be looked at all the same, so that everything wrong is told at once.
   */
  config: ConfigFile<T> | undefined;
  problems: readonly ConfigProblem[];
}

/**
 * Reads a file, or all `*.yaml` and `*.yml` of a folder merged; substitutes `${NAME}` and `${NAME:-default}`; puts the
 * content of files in the place of `file:` where the schema has a secret; validates. Throws ConfigError with every
 * problem found.
 */
export function readConfigFile<S extends TSchema>(path: string, schema: S, env: Env): ConfigFile<Static<S>> {
  return whole(inspectConfigFile(path, schema, env));
}

/** {@link readConfigFile} on a text; `file` is only its name. */
export function parseConfig<S extends TSchema>(
  text: string,
  file: string,
  schema: S,
  env: Env,
): ConfigFile<Static<S>> {
  return whole(inspect(file, [parseConfigDocument(text, file, schema, env)], [], schema));
}

/** {@link inspectConfigFile} on texts that were read before. */
export function inspectConfigTexts<S extends TSchema>(
  name: string,
  texts: readonly ConfigText[],
  schema: S,
  env: Env,
): ConfigInspection<Static<S>> {
  const documents = texts.map(({ file, text }) => parseConfigDocument(text, file, schema, env));
  return inspect(name, documents, [], schema);
}

/** {@link readConfigFile} without throwing. */
export function inspectConfigFile<S extends TSchema>(
  path: string,
  schema: S,
  env: Env,
): ConfigInspection<Static<S>> {
  const unreadable: ConfigProblem[] = [];
  const reading = <T>(file: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (cause) {
      const message = `cannot read the config: ${whyUnreadable(cause)}`;
      unreadable.push({ file, line: 1, column: 1, code: 'config_unreadable', message });
      return undefined;
    }
  };
  const files = reading(path, () => listConfigFiles(path));
  if (files?.length === 0) {
    const message = 'there is no *.yaml or *.yml in this folder';
    unreadable.push({ file: path, line: 1, column: 1, code: 'config_unreadable', message });
  }
  const documents = (files ?? []).flatMap((file) => {
    const bytes = reading(file, () => readFileSync(file));
    const text = bytes === undefined ? undefined : decodeText(bytes, file);
    if (typeof text === 'string') return [parseConfigDocument(text, file, schema, env)];
    if (text !== undefined) unreadable.push(text);
    return [];
  });
  return inspect(path, documents, unreadable, schema);
}

function inspect<S extends TSchema>(
  name: string,
  documents: readonly ConfigDocument[],
  unreadable: readonly ConfigProblem[],
  schema: S,
): ConfigInspection<Static<S>> {
  const found = [...unreadable, ...documents.flatMap(({ problems }) => problems)];
  const [first, ...others] = documents.filter(({ value }) => value !== undefined);
  // A part that does not parse would have the rest look incomplete.
  if (first === undefined || unreadable.length > 0 || others.length + 1 < documents.length)
    return { config: undefined, problems: found };
  const { value, origin, problems: conflicts } = mergeDocuments([first, ...others], schema);
  const wrong = schemaProblems(schema, value);
  const form = wrong.map(({ path, part, code, message }) => {
    const at = origin(path);
    return at.document.problem(at.path, code, message, part);
  });
  const problems = firstOfEachPlace([...found, ...conflicts, ...form]);
  if (conflicts.length > 0 || wrong.some(({ isExtra }) => isExtra !== true))
    return { config: undefined, problems };
  const config: ConfigFile<Static<S>> = {
    file: name,
    value: value as Static<S>,
    warnings: problems.filter(isWarning),
    sources: documents.flatMap(({ file, secretFiles }) => [file, ...secretFiles]),
    texts: documents.map(({ file, text }) => ({ file, text })),
    place(path) {
      const at = origin(path);
      return at.document.place(at.path);
    },
    problem(path, code, message) {
      const at = origin(path);
      return at.document.problem(at.path, code, message);
    },
  };
  return { config, problems };
}

/** A variable that is missing has no right form either, and one word about it is enough. */
export function firstOfEachPlace(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const taken = new Set<string>();
  return problems.filter((problem) => {
    const at = `${problem.file}:${problem.line}:${problem.column}`;
    if (problem.code === 'config_env_missing' || problem.code === 'config_secret_file') {
      taken.add(at);
      return true;
    }
    return !taken.has(at);
  });
}

function whole<T>({ config, problems }: ConfigInspection<T>): ConfigFile<T> {
  const errors = problems.filter((problem) => !isWarning(problem));
  if (config === undefined || errors.length > 0) throw new ConfigError(errors);
  return config;
}

/** As people read them: file by file, from top to bottom. */
export function inOrderOfPlaces(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const files = [...new Set(problems.map(({ file }) => file))];
  return problems.toSorted(
    (one, other) =>
      files.indexOf(one.file) - files.indexOf(other.file) ||
      one.line - other.line ||
      one.column - other.column,
  );
}
