import { type Document, isScalar, parseDocument } from 'yaml';
import type { ConfigCode } from '../../contracts/config-problems.js';
import { firstAlias, wrongAliases } from './check-aliases.js';
import { codeFrame, printable } from './code-frame.js';
import type { ConfigPath, ConfigPlace, ConfigProblem, Env } from './config-problem.js';
import { hiddenRanges, withoutUserPart } from './hidden-ranges.js';
import { locate, rangeOfNode } from './locate-node.js';
import { resolveSecrets } from './resolve-secrets.js';
import { type Range, SourceText } from './source-text.js';
import { substituteEnv } from './substitute-env.js';
import { syntaxErrors } from './syntax-errors.js';

/** One parsed file that still knows where each value stood. */
export interface ConfigDocument {
  file: string;
  /** As read. */
  text: string;
  /** Undefined when the file does not parse. */
  value: unknown;
  /** Files that `file:` named. */
  secretFiles: readonly string[];
  /** What is wrong with the file whatever it should hold. */
  problems: readonly ConfigProblem[];
  /** Of the value at `path`, or of its key where it is a list or a map; of its nearest parent that is there. */
  place(path: ConfigPath): ConfigPlace;
  problem(path: ConfigPath, code: ConfigCode, message: string, part?: 'key' | 'value'): ConfigProblem;
}

type Places = Pick<ConfigDocument, 'file' | 'text' | 'place' | 'problem'>;

/** Parses one file, puts environment and secrets in. `schema` says what is a secret. */
export function parseConfigDocument(text: string, file: string, schema: object, env: Env): ConfigDocument {
  const source = new SourceText(file, text);
  const document: Document = parseDocument(text, { uniqueKeys: true, merge: false, prettyErrors: false });
  let hidden: readonly Range[] | undefined;
  const report = (range: Range, code: ConfigCode, message: string): ConfigProblem => {
    const place = source.place(range);
    hidden ??= hiddenRanges(document, text, schema);
    const frame = codeFrame(source, place, hidden);
    return { ...place, code, message: printable(withoutUserPart(message)), frame };
  };
  const places: Places = {
    file,
    text,
    place: (path) => source.place(locate(document, path, 'value')),
    problem: (path, code, message, part = 'value') => report(locate(document, path, part), code, message),
  };
  const broken = whyUnusable(document).map(({ range, code, message }) => report(range, code, message));
  if (broken.length > 0) return { ...places, value: undefined, secretFiles: [], problems: broken };

  const missing = substituteEnv(document, schema, env).map(({ name, scalar }) => {
    const message = `environment variable ${name} is not set: set it, or give a default as \${${name}:-value}`;
    return report(rangeOfNode(scalar), 'config_env_missing', message);
  });
  const secrets = resolveSecrets(document, schema);
  const unread = secrets.problems.map(({ scalar, code, message }) =>
    report(rangeOfNode(scalar), code, message),
  );
  return {
    ...places,
    value: document.toJS(),
    secretFiles: secrets.files,
    problems: [...missing, ...unread],
  };
}

function whyUnusable(document: Document): { range: Range; code: ConfigCode; message: string }[] {
  const broken = syntaxErrors(document);
  if (broken.length > 0) return broken;
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    const message = 'there is nothing in it: write the config, or remove the file';
    return [{ range: { start: 0, end: 0 }, code: 'config_empty', message }];
  }
  const wrong = wrongAliases(document);
  if (wrong.length > 0) {
    return wrong.map(({ alias, message }) => ({ range: rangeOfNode(alias), code: 'config_alias', message }));
  }
  try {
    document.toJS();
    return [];
  } catch {
    // The parser stops where aliases stand for more than a hundred times what is written.
    const message = 'aliases of aliases multiply beyond reason: write the values out';
    return [{ range: rangeOfNode(firstAlias(document)), code: 'config_alias', message }];
  }
}
