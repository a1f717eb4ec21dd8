import type { TSchema } from 'typebox';
import type { ConfigDocument } from './config-document.js';
import type { ConfigPath, ConfigProblem } from './config-problem.js';

/** Several files as one config. */
export interface MergedDocuments {
  value: unknown;
  /** The document of the value at `path`, and its path there. */
  origin(path: ConfigPath): Origin;
  /** Names and keys that stand in two files. */
  problems: readonly ConfigProblem[];
}

/** Where a part of the merged config comes from: in that document, at that path. */
export interface Origin {
  document: ConfigDocument;
  path: ConfigPath;
}

/**
 * Maps of names are joined name by name, lists one after the other in the order of the files; any other key stands in
 * one file only. Which is which the schema says.
 */
export function mergeDocuments(
  documents: readonly [ConfigDocument, ...ConfigDocument[]],
  schema: TSchema,
): MergedDocuments {
  const [first] = documents;
  if (documents.length === 1) {
    return { value: first.value, origin: (path) => ({ document: first, path }), problems: [] };
  }
  const merge = new Merge();
  for (const document of documents) {
    if (!isMap(document.value)) {
      merge.problems.push(document.problem([], 'config_value', 'the file has to be keys and their values'));
      continue;
    }
    for (const [key, part] of Object.entries(document.value)) {
      const kind = kindOf(key, schema);
      if (kind === 'names' && isMap(part)) merge.addNames(document, key, part);
      else if (kind === 'list' && Array.isArray(part)) merge.addList(document, key, part);
      else merge.addOnly(document, key, part);
    }
  }
  return {
    value: Object.fromEntries(merge.parts),
    origin: (path) => merge.origin(path) ?? { document: first, path: [] },
    problems: merge.problems,
  };
}

class Merge {
  readonly parts = new Map<string, unknown>();
  readonly problems: ConfigProblem[] = [];
  /** By their path: keys, and below maps and lists their names and numbers. */
  readonly #origins = new Map<string, Origin>();

  addNames(document: ConfigDocument, key: string, names: Record<string, unknown>): void {
    const joined = this.parts.get(key) ?? {};
    if (!isMap(joined)) {
      this.#refuseTwice(document, [key]);
      return;
    }
    for (const [name, value] of Object.entries(names)) {
      if (this.#claim([key, name], { document, path: [key, name] }))
        Object.defineProperty(joined, name, { value, enumerable: true, configurable: true, writable: true });
    }
    this.#add(document, key, joined);
  }

  addList(document: ConfigDocument, key: string, items: readonly unknown[]): void {
    const joined = this.parts.get(key) ?? [];
    if (!Array.isArray(joined)) {
      this.#refuseTwice(document, [key]);
      return;
    }
    for (const [index, item] of items.entries()) {
      this.#claim([key, joined.length], { document, path: [key, index] });
      joined.push(item);
    }
    this.#add(document, key, joined);
  }

  addOnly(document: ConfigDocument, key: string, part: unknown): void {
    if (this.#claim([key], { document, path: [key] })) this.parts.set(key, part);
  }

  /** Of the nearest part that is there. */
  origin(path: ConfigPath): Origin | undefined {
    for (let length = Math.min(path.length, 2); length > 0; length--) {
      const origin = this.#origins.get(keyOf(path.slice(0, length)));
      if (origin !== undefined)
        return { document: origin.document, path: [...origin.path, ...path.slice(length)] };
    }
    return undefined;
  }

  #add(document: ConfigDocument, key: string, joined: unknown): void {
    this.parts.set(key, joined);
    const at = keyOf([key]);
    if (!this.#origins.has(at)) this.#origins.set(at, { document, path: [key] });
  }

  #claim(path: ConfigPath, origin: Origin): boolean {
    const at = keyOf(path);
    if (this.#origins.has(at)) {
      this.#refuseTwice(origin.document, path);
      return false;
    }
    this.#origins.set(at, origin);
    return true;
  }

  #refuseTwice(document: ConfigDocument, path: ConfigPath): void {
    const other = this.origin(path);
    const at = other?.document.place(other.path);
    const where = at === undefined ? 'in another file' : `at ${at.file}:${at.line}`;
    const message = `${path.join('.')} stands ${where} too: keep one of them`;
    this.problems.push(document.problem(path, 'config_duplicate_key', message, 'key'));
  }
}

/** The schema's checker gives numbers of lists as text. */
const keyOf = (path: ConfigPath): string => JSON.stringify(path.map(String));

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function kindOf(key: string, schema: TSchema): 'names' | 'list' | 'only' {
  const { properties = {} } = schema as { properties?: Record<string, object> };
  const part = Object.hasOwn(properties, key) ? properties[key] : undefined;
  if (part === undefined) return 'only';
  if ('patternProperties' in part) return 'names';
  return 'type' in part && part.type === 'array' ? 'list' : 'only';
}
