import { isScalar, LineCounter, parseDocument, type YAMLParseError } from 'yaml';
import {
  ConfigError,
  type ConfigPath,
  type ConfigPlace,
  type ConfigProblem,
  type Env,
} from './config-problem.js';
import { substituteEnv } from './substitute-env.js';

/** One parsed file that still knows where each value stood. */
export interface ConfigDocument {
  file: string;
  value: unknown;
  /** Of the value at `path`, or of its nearest parent that is there. */
  place(path: ConfigPath): ConfigPlace;
}

/** Parses one file and puts the environment in. Throws ConfigError with every problem found. */
export function parseConfigDocument(text: string, file: string, env: Env): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false });
  const placeOf = (offset: number): ConfigPlace => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const broken = worthReporting(document.errors).map(
    (error): ConfigProblem => ({
      ...placeOf(error.pos[0]),
      code: error.code === 'DUPLICATE_KEY' ? 'config_duplicate_key' : 'config_syntax',
      message: firstLine(error.message),
    }),
  );
  if (broken.length > 0) throw new ConfigError(broken);
  const missing = substituteEnv(document, env).map(
    ({ name, offset }): ConfigProblem => ({
      ...placeOf(offset),
      code: 'config_env_missing',
      message: `environment variable ${name} is not set: set it, or give a default as \${${name}:-value}`,
    }),
  );
  if (missing.length > 0) throw new ConfigError(missing);
  return { file, value: document.toJS(), place: (path) => placeOf(offsetOf(document, path)) };
}

/** After the first syntax error the parser is lost, and what it goes on to say is noise. */
function worthReporting(errors: readonly YAMLParseError[]): readonly YAMLParseError[] {
  const syntaxAt = errors.findIndex((error) => error.code !== 'DUPLICATE_KEY');
  return syntaxAt === -1 ? errors : errors.slice(0, syntaxAt + 1);
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
