import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { EncryptionKey } from './encryption-key.js';

/** A secret at rest: what is stored, and the version of the key-encryption key that opens it. */
export interface Sealed {
  kekVersion: number;
  box: Buffer;
}

/** The secret cannot be opened: its key version is not configured, or another key stands under that version. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

/**
 * Envelope encryption (design 4.7): each secret has a data key of its own, which the key-encryption key wraps, so that
 * a new key-encryption key re-wraps 32 bytes a row and never touches the secret. AES-256-GCM both times, bound by the
 * additional data to what the secret belongs to: a box moved to another row does not open.
 */
export interface Envelope {
  /** `owner` says what the secret belongs to, such as `signing-key:<kid>`; the same text opens it. */
  seal(secret: Buffer, owner: string): Sealed;
  /** Throws EnvelopeError. */
  open(sealed: Sealed, owner: string): Buffer;
  /** The same secret under the current key-encryption key; the secret itself stays closed. Throws EnvelopeError. */
  rewrap(sealed: Sealed, owner: string): Sealed;
  /** Of the key-encryption key that seals. */
  readonly kekVersion: number;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DATA_KEY_BYTES = 32;
const WRAPPED_BYTES = NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES;

export function createEnvelope(
  encryptionKeys: readonly EncryptionKey[],
  random: (size: number) => Buffer,
): Envelope {
  const byVersion = new Map(encryptionKeys.map(({ version, key }) => [version, key]));
  const [current] = encryptionKeys;
  if (current === undefined) throw new RangeError('an envelope needs a key');

  const wrap = (dataKey: Buffer, owner: string): Buffer =>
    encrypt(current.key, dataKey, wrapContext(owner, current.version), random);

  function opened<T>(
    { kekVersion, box }: Sealed,
    owner: string,
    use: (dataKey: Buffer, body: Buffer) => T,
  ): T {
    const key = byVersion.get(kekVersion);
    if (key === undefined) throw new EnvelopeError(`encryption key version ${kekVersion} is not configured`);
    try {
      const dataKey = decrypt(key, box.subarray(0, WRAPPED_BYTES), wrapContext(owner, kekVersion));
      return use(dataKey, box.subarray(WRAPPED_BYTES));
    } catch (cause) {
      throw new EnvelopeError(`encryption key version ${kekVersion} does not open it`, { cause });
    }
  }

  return {
    kekVersion: current.version,
    seal(secret, owner) {
      const dataKey = random(DATA_KEY_BYTES);
      const box = Buffer.concat([wrap(dataKey, owner), encrypt(dataKey, secret, owner, random)]);
      return { kekVersion: current.version, box };
    },
    open: (sealed, owner) => opened(sealed, owner, (dataKey, body) => decrypt(dataKey, body, owner)),
    rewrap: (sealed, owner) =>
      opened(sealed, owner, (dataKey, body) => ({
        kekVersion: current.version,
        box: Buffer.concat([wrap(dataKey, owner), body]),
      })),
  };
}

const wrapContext = (owner: string, version: number): string => `${owner} kek:${version}`;

function encrypt(key: Buffer, plaintext: Buffer, context: string, random: (size: number) => Buffer): Buffer {
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce);
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, box: Buffer, context: string): Buffer {
  const tagAt = box.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, box.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(box.subarray(tagAt));
  return Buffer.concat([decipher.update(box.subarray(NONCE_BYTES, tagAt)), decipher.final()]);
}
