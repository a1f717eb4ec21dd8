import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFileAtomic } from '../kit/write-file-atomic.js';

/** Makes the key-encryption key of the embedded default on the first start; readable by the owner only. */
export async function ensureEncryptionKey(path: string): Promise<string> {
  if (!existsSync(path)) await writeFileAtomic(path, `${randomBytes(32).toString('base64url')}\n`);
  return path;
}
