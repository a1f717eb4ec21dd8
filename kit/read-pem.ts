import { readFileSync } from 'node:fs';
import { StartupError } from './startup-error.js';

/**
 * The text of a PEM file. Where a file without a last line break was joined with another, as `cat old-ca.pem new-ca.pem`
 * does, OpenSSL would take the first certificate and drop the others without a word: they are put on lines of their own.
 * Throws StartupError naming the file.
 */
export function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8').replaceAll('----------BEGIN ', '-----\n-----BEGIN ');
  } catch (cause) {
    throw new StartupError(
      `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      { cause },
    );
  }
}
