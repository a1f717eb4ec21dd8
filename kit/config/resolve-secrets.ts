import { readFileSync, statSync } from 'node:fs';
import { type Document, isScalar, type Scalar } from 'yaml';
import type { ConfigCode } from '../../contracts/config-problems.js';
import { forEachSecret } from './walk-schema.js';
import { whyUnreadable } from './why-unreadable.js';

export interface ResolvedSecrets {
  /** The files that were read, or should have been. */
  files: string[];
  problems: { scalar: Scalar; code: ConfigCode; message: string }[];
}

const PREFIX = 'file:';
const READABLE_BY_ALL = 0o004;

/**
 * Puts the content of the file in the place of `file:path` wherever the schema has a secret, without the line break that
 * ends it. Paths are relative to the working directory. No message quotes a secret.
 */
export function resolveSecrets(document: Document, schema: object): ResolvedSecrets {
  const resolved: ResolvedSecrets = { files: [], problems: [] };
  forEachSecret(document, schema, (scalar) => {
    if (!isScalar(scalar) || typeof scalar.value !== 'string' || !scalar.value.startsWith(PREFIX)) return;
    const path = scalar.value.slice(PREFIX.length);
    const problem = (code: ConfigCode, message: string): void => {
      resolved.problems.push({ scalar, code, message });
    };
    resolved.files.push(path);
    try {
      const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      if (secret.trim() === '') problem('config_secret_file', `${path} is empty: write the secret into it`);
      else scalar.value = secret;
      if ((statSync(path).mode & READABLE_BY_ALL) !== 0)
        problem('config_secret_readable', `everybody can read ${path}: chmod 600 ${path}`);
    } catch (error) {
      problem('config_secret_file', `the secret cannot be read from ${path}: ${whyUnreadable(error)}`);
    }
  });
  return resolved;
}
