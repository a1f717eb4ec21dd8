import { readFileSync } from 'node:fs';
import { StartupError } from './startup-error.js';

/**
 * A secret of a setting: the text itself, or `file:` and the path of a file that holds it (relative to the working
 * directory). Throws StartupError, which never quotes the secret.
 */
export function readSecret(setting: string): string {
  if (!setting.startsWith('file:')) return setting;
  const path = setting.slice('file:'.length);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new StartupError(`a secret cannot be read from ${path}: ${code}`, { cause });
  }
}
