import { readFileSync } from 'node:fs';
import { StartupError } from '../../kit/startup-error.js';

/** A key-encryption key (KEK). Its version is stored beside everything it encrypts. */
export interface EncryptionKey {
  version: number;
  /** 32 bytes, AES-256. */
  key: Buffer;
}

const KEY_BYTES = 32;

/**
 * The key of a setting: base64url text itself, or `file:` and the path of a file that holds it (relative to the
 * working directory). Throws StartupError, which never quotes the key.
 */
export function readEncryptionKey(version: number, setting: string): EncryptionKey {
  const text = setting.startsWith('file:') ? readKeyFile(setting.slice('file:'.length)) : setting;
  const key = Buffer.from(text, 'base64url');
  // Buffer.from skips what it cannot read; a mistyped key must not quietly become another one.
  if (key.length !== KEY_BYTES || key.toString('base64url') !== text.replace(/=+$/, '')) {
    throw new StartupError('must be 32 bytes in base64url (openssl rand 32 | basenc --base64url)');
  }
  return { version, key };
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new StartupError(
      `cannot be read from ${path}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      {
        cause,
      },
    );
  }
}
