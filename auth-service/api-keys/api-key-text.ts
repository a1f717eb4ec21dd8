import { createHash } from 'node:crypto';
import { API_KEY_PREFIX } from '../../contracts/auth-api.js';

/**
 * `gtk_<id>_<secret><checksum>`: 20 hexadecimal digits to name the key by in lists and logs, 256 random bits, and the
 * first 32 bits of the SHA-256 of all before them, so that a mistyped key is told from an unknown one, and a leaked one
 * from look-alikes, without asking anybody.
 */
export interface ApiKeyText {
  id: string;
  secret: string;
}

const ID_BYTES = 10;
const SECRET_BYTES = 32;
const CHECKSUM_BYTES = 4;
const KEY = new RegExp(`^(${API_KEY_PREFIX}([0-9a-f]{20})_([A-Za-z0-9_-]{43}))([A-Za-z0-9_-]{6})$`);

export function newApiKeyText(random: (size: number) => Buffer): ApiKeyText & { text: string } {
  const id = random(ID_BYTES).toString('hex');
  const secret = random(SECRET_BYTES).toString('base64url');
  const named = `${API_KEY_PREFIX}${id}_${secret}`;
  return { id, secret, text: named + checksumOf(named) };
}

/** The parts of a key; undefined for a text that is none. */
export function parseApiKeyText(text: string): ApiKeyText | undefined {
  const [, named = '', id, secret, checksum] = KEY.exec(text) ?? [];
  if (id === undefined || secret === undefined || checksum !== checksumOf(named)) return undefined;
  return { id, secret };
}

function checksumOf(named: string): string {
  return createHash('sha256').update(named).digest().subarray(0, CHECKSUM_BYTES).toString('base64url');
}
