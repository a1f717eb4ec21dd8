import type { TSchema } from 'typebox';
import type { ConfigDocument } from './config-document.js';
import type { ConfigPath, ConfigPlace, ConfigProblem } from './config-problem.js';

/** Several files as one config. */
export interface MergedDocuments {
  value: unknown;
  place(path: ConfigPath): ConfigPlace;
  /** Names and keys that stand in two files. */
  problems: readonly ConfigProblem[];
}

/** Where a part of the merged config comes from: in that document, at that path. */
interface Origin {
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
  if (documents.length === 1) return { value: first.value, place: first.place, problems: [] };
  const merge = new Merge();
  for (const document of documents) {
    if (!isMap(document.value)) {
      merge.refuse(document, [], 'has to hold keys, as every file of the folder');
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
    place: (path) => merge.place(path) ?? first.place([]),
    problems: merge.problems,
  };
}

class Merge {
  readonly parts = new Map<string, unknown>();
  readonly problems: ConfigProblem[] = [];
  /** By their path: keys, and below maps and lists their names and numbers. */
  readonly #origins = new Map<string, Origin>();

  refuse(document: ConfigDocument, path: ConfigPath, message: string): void {
    this.problems.push({ ...document.place(path), code: 'config_duplicate_key', message });
  }

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
  place(path: ConfigPath): ConfigPlace | undefined {
    for (let length = Math.min(path.length, 2); length > 0; length--) {
      const origin = this.#origins.get(keyOf(path.slice(0, length)));
      if (origin !== undefined) return origin.document.place([...origin.path, ...path.slice(length)]);
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
    const other = this.place(path);
    const where = other === undefined ? 'in another file' : `at ${other.file}:${other.line}`;
    this.refuse(document, path, `${path.join('.')} stands ${where} too: keep one of them`);
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
