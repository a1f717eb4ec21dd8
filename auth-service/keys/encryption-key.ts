import { StartupError } from '../../kit/startup-error.js';

/** A key-encryption key (KEK). Its version is stored beside everything it encrypts. */
export interface EncryptionKey {
  version: number;
  /** 32 bytes, AES-256. */
  key: Buffer;
}

const KEY_BYTES = 32;

/** The key of a setting, in base64url. Throws StartupError, which never quotes the key. */
export function readEncryptionKey(version: number, setting: string): EncryptionKey {
  const text = setting.trim();
  const key = Buffer.from(text, 'base64url');
  // Buffer.from skips what it cannot read; a mistyped key must not quietly become another one.
  if (key.length !== KEY_BYTES || key.toString('base64url') !== text.replace(/=+$/, '')) {
    throw new StartupError('must be 32 bytes in base64url (openssl rand 32 | basenc --base64url)');
  }
  return { version, key };
}
