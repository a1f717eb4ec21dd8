import { readFileSync } from 'node:fs';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { isScalar, LineCounter, parseDocument, visit, type YAMLParseError } from 'yaml';
import { closest } from './closest.js';
import { StartupError } from './startup-error.js';

export interface ConfigProblem {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  /** Stable, for tools. */
  code: string;
  message: string;
}

/** All that is wrong with a config file, at once. */
export class ConfigError extends StartupError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map((p) => `${p.file}:${p.line}:${p.column} ${p.code}: ${p.message}`).join('\n'));
    this.problems = problems;
  }
}

export type ConfigPath = readonly (string | number)[];
export type Env = Readonly<Record<string, string | undefined>>;

/** A parsed config file that still knows where each value stood. */
export interface ConfigFile<T> {
  file: string;
  value: T;
  /** A problem with the value at `path` (or its nearest existing parent). */
  problem(path: ConfigPath, code: string, message: string): ConfigProblem;
}

/**
 * Reads, substitutes `${NAME}` and `${NAME:-default}`, and validates. An unquoted scalar that becomes a number or a
 * boolean by substitution is one; a quoted one stays text. Throws ConfigError with every problem found.
 */
export function readConfigFile<S extends TSchema>(file: string, schema: S, env: Env): ConfigFile<Static<S>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new StartupError(
      `cannot read config ${file}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      {
        cause,
      },
    );
  }
  return parseConfig(text, file, schema, env);
}

/** {@link readConfigFile} on a text; `file` is only its name. */
export function parseConfig<S extends TSchema>(
  text: string,
  file: string,
  schema: S,
  env: Env,
): ConfigFile<Static<S>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false });
  const at = (offset: number, code: string, message: string): ConfigProblem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), code, message };
  };
  const problems = worthReporting(document.errors).map((error) =>
    at(
      error.pos[0],
      error.code === 'DUPLICATE_KEY' ? 'config_duplicate_key' : 'config_syntax',
      firstLine(error.message),
    ),
  );
  if (problems.length > 0) throw new ConfigError(problems);

  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      const { text: substituted, missing } = substituteEnv(node.value, env);
      if (missing !== undefined) {
        const message = `environment variable ${missing} is not set: set it, or give a default as \${${missing}:-value}`;
        problems.push(at(node.range?.[0] ?? 0, 'config_env_missing', message));
      } else if (substituted !== node.value) {
        node.value = node.type === 'PLAIN' ? plainScalar(substituted) : substituted;
      }
    },
  });

  const value: unknown = document.toJS();
  const problem = (path: ConfigPath, code: string, message: string): ConfigProblem =>
    at(offsetOf(document, path), code, message);
  if (problems.length === 0) problems.push(...schemaProblems(schema, value, problem));
  if (problems.length > 0) throw new ConfigError(problems);
  return { file, value: value as Static<S>, problem };
}

/** After the first syntax error the parser is lost, and what it goes on to say is noise. */
function worthReporting(errors: readonly YAMLParseError[]): readonly YAMLParseError[] {
  const syntaxAt = errors.findIndex((error) => error.code !== 'DUPLICATE_KEY');
  return syntaxAt === -1 ? errors : errors.slice(0, syntaxAt + 1);
}

function substituteEnv(text: string, env: Env): { text: string; missing?: string } {
  let missing: string | undefined;
  const substituted = text.replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback?: string) => {
      const set = env[name];
      if (set !== undefined && set !== '') return set;
      if (fallback !== undefined) return fallback;
      missing ??= name;
      return '';
    },
  );
  return missing === undefined ? { text: substituted } : { text: substituted, missing };
}

function plainScalar(text: string): string | number | boolean {
  if (/^-?(0|[1-9][0-9]*)$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}

function schemaProblems(
  schema: TSchema,
  value: unknown,
  problem: (path: ConfigPath, code: string, message: string) => ConfigProblem,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const error of Value.Errors(schema, value)) {
    const path = pointerPath(error.instancePath);
    if (error.keyword === 'additionalProperties') {
      for (const key of error.params.additionalProperties) {
        problems.push(
          problem([...path, key], 'config_unknown_key', unknownKey(key, schema, error.schemaPath)),
        );
      }
    } else if (error.keyword === 'required') {
      const names = error.params.requiredProperties.map((name) => `"${name}"`).join(', ');
      problems.push(problem(path, 'config_missing_key', `${where(path)} needs ${names}`));
    } else if (error.keyword !== 'boolean') {
      problems.push(problem(path, 'config_value', `${where(path)} ${explain(error)}`));
    }
  }
  return problems;
}

const where = (path: ConfigPath): string => (path.length === 0 ? 'the file' : path.join('.'));

function explain(error: { keyword: string; message: string; params: object }): string {
  if (error.keyword === 'const' && 'allowedValue' in error.params) {
    return `may be ${JSON.stringify(error.params.allowedValue)}`;
  }
  return error.message;
}

function unknownKey(key: string, schema: TSchema, schemaPath: string): string {
  const { properties = {}, patternProperties = {} } = schemaAt(schema, schemaPath);
  const [pattern] = Object.keys(patternProperties);
  if (pattern !== undefined) return `"${key}" cannot be a name here: names match ${pattern}`;
  const guess = closest(key, Object.keys(properties));
  return `unknown key "${key}": ${guess === undefined ? 'remove it' : `did you mean "${guess}"?`}`;
}

/** The object schema at a JSON pointer. */
function schemaAt(schema: TSchema, schemaPath: string): { properties?: object; patternProperties?: object } {
  let node: unknown = schema;
  for (const step of pointerPath(schemaPath.replace(/^#/, ''))) {
    node = (node as Record<string, unknown> | undefined)?.[step];
  }
  return (node ?? {}) as { properties?: object; patternProperties?: object };
}

function pointerPath(pointer: string): string[] {
  return pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function offsetOf(document: ReturnType<typeof parseDocument>, path: ConfigPath): number {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    const items = (parent as { items?: unknown[] } | undefined)?.items ?? [];
    for (const [index, item] of items.entries()) {
      const pair = item as { key?: unknown; range?: [number, number, number] | null };
      if (isScalar(pair.key) ? String(pair.key.value) === String(key) : String(index) === String(key)) {
        return (isScalar(pair.key) ? pair.key.range?.[0] : pair.range?.[0]) ?? 0;
      }
    }
  }
  return 0;
}

/** The parser's own "at line 4, column 46:" is said better by the position in front. */
const firstLine = (text: string): string =>
  (text.split('\n', 1)[0] ?? text).replace(/ at line \d+, column \d+:?$/, '');
