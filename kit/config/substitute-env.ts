import { type Document, isScalar, type Scalar, visit } from 'yaml';
import type { Env } from './config-problem.js';
import { forEachNumberOrSwitch } from './walk-schema.js';

/** A `${NAME}` without a value and without a default. */
export interface MissingVariable {
  name: string;
  scalar: Scalar;
}

/**
 * Puts the environment into every value of the document, where `${NAME}` or `${NAME:-default}` stands; an empty variable
 * counts as none. An unquoted scalar that becomes a number or a boolean is one; a quoted one stays text, unless it is a
 * variable alone where the schema has a number or a boolean: within braces it has to be quoted. Since whole
 * scalars are changed after parsing, no variable can add a key.
 */
export function substituteEnv(document: Document, schema: object, env: Env): MissingVariable[] {
  const missing: MissingVariable[] = [];
  const wholes = new Set<unknown>();
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      if (WHOLE.test(node.value)) wholes.add(node);
      const { text, unset } = substitute(node.value, env);
      if (unset !== undefined) missing.push({ name: unset, scalar: node });
      else if (text !== node.value) node.value = node.type === 'PLAIN' ? plainScalar(text) : text;
    },
  });
  forEachNumberOrSwitch(document, schema, (node) => {
    if (isScalar(node) && wholes.has(node) && typeof node.value === 'string')
      node.value = plainScalar(node.value);
  });
  return missing;
}

const WHOLE = /^\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}$/;

function substitute(text: string, env: Env): { text: string; unset?: string } {
  let unset: string | undefined;
  const substituted = text.replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback?: string) => {
      const set = env[name];
      if (set !== undefined && set !== '') return set;
      if (fallback !== undefined) return fallback;
      unset ??= name;
      return '';
    },
  );
  return unset === undefined ? { text: substituted } : { text: substituted, unset };
}

function plainScalar(text: string): string | number | boolean {
  if (/^-?(0|[1-9][0-9]*)$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}
