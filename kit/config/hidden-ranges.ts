import { type Document, isNode, isScalar, type Node, visit } from 'yaml';
import { closest } from '../closest.js';
import type { Range } from './source-text.js';
import { forEachSecret, settingNames } from './walk-schema.js';

/**
 * Where a secret is written out in a file: at the settings that the schema calls secrets, at keys that look like one of
 * them or like a password, in the user part of a URL, in a private JWK and in a private key. The names are looked for in
 * the text as well, since in a file that does not parse nothing else is known. A reference (`${NAME}`, `file:…`) is no
 * secret; the default of a variable may be.
 */
export function hiddenRanges(document: Document, text: string, schema: object): Range[] {
  const ranges: Range[] = [];
  const hide = (node: Node): void => {
    const [start, end] = node.range ?? [0, 0];
    if (end > start && !isReference(text.slice(start, end))) ranges.push({ start, end });
  };
  forEachSecret(document, schema, hide);
  const names = settingNames(schema);
  visit(document, {
    Pair(_, { key, value }) {
      if (isScalar(key) && isNode(value) && looksSecret(String(key.value), names)) hide(value);
    },
    Map(_, map) {
      if (!map.has('kty')) return;
      for (const { key, value } of map.items)
        if (isScalar(key) && isNode(value) && PRIVATE_JWK.has(String(key.value))) hide(value);
    },
  });
  if (document.errors.length > 0) ranges.push(...namedInText(text, names));
  for (const pattern of [URL_USER, PRIVATE_KEY]) {
    for (const { 0: found, index } of text.matchAll(pattern))
      ranges.push({ start: index, end: index + found.length });
  }
  return ranges;
}

/** RFC 7518 section 6. */
const PRIVATE_JWK = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']);
const URL_USER = /(?<=:\/\/)[^\s/@"'$]*:[^\s/@"']*(?=@)/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

const isReference = (source: string): boolean =>
  /^(["']?)(\$\{[A-Za-z_][A-Za-z0-9_]*(:-(file:[^}]*)?)?\}|file:.*|)\1$/.test(source.trim());

type Names = ReturnType<typeof settingNames>;

/** `secrett` is most likely the secret, mistyped; `socket` is a setting of its own. */
const looksSecret = (key: string, { secret, plain }: Names): boolean =>
  /secret|passw|private/i.test(key) ||
  secret.has(key) ||
  (key.length > 3 && !plain.has(key) && closest(key, [...secret]) !== undefined);

function namedInText(text: string, names: Names): Range[] {
  return [...text.matchAll(/(["']?)([A-Za-z_]+)\1[ \t]*:[ \t]+(?=\S)/g)].flatMap(
    ({ 0: found, 2: key = '', index }) => {
      if (!looksSecret(key, names)) return [];
      const start = index + found.length;
      const value =
        /^(?:"(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?|[^\s,}\]][^,}\]\n]*)/.exec(text.slice(start))?.[0] ?? '';
      return isReference(value) ? [] : [{ start, end: start + value.length }];
    },
  );
}

/** For a message that quotes a value: without the user part of a URL, which may come from the environment. */
export const withoutUserPart = (message: string): string =>
  message.replaceAll(/(?<=:\/\/)[^\s/@"]*(?=@)/g, '***');
