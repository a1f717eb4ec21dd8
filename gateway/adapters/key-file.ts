import type { JsonWebKey } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../kit/write-file-atomic.js';
import { MAX_DOCUMENT_BYTES } from './download-json.js';

/** The last good keys of an issuer as they outlive the process. */
export interface KeptKeys {
  /** Wall clock, unix milliseconds: when the issuer last gave a good answer. */
  fetchedAt: number;
  /** Public keys, with `kid` and `alg`. */
  keys: readonly JsonWebKey[];
}

/** Where they are kept. */
export interface KeyFile {
  /** What is there, if it is of the same issuer and the same source. Throws when it cannot be read or trusted. */
  load(): Promise<KeptKeys | undefined>;
  save(kept: KeptKeys): Promise<void>;
}

const FORMAT = 1;
const MAX_FILE_BYTES = 2 * MAX_DOCUMENT_BYTES;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * One file for an issuer, so that a gateway can start while the issuer is away. Whoever can write it decides who gets
 * in, so it is its owner's alone, and one that others may write is not read.
 *
 * @param name of the issuer in config: `[a-z0-9-]`
 * @param origin where its keys come from; a file of another origin is of another set
 */
export function createKeyFile(dir: string, name: string, issuer: string, origin: string): KeyFile {
  const path = join(dir, `${name}.json`);
  return {
    async load() {
      const text = await readOwnFile(path);
      if (text === undefined) return undefined;
      const content = JSON.parse(text) as Record<string, unknown>;
      const { format, issuer: itsIssuer, origin: itsOrigin, fetched_at: fetchedAt, keys } = content;
      if (format !== FORMAT || itsIssuer !== issuer || itsOrigin !== origin) return undefined;
      if (typeof fetchedAt !== 'number' || !Array.isArray(keys))
        throw new Error('its content is of no known form');
      return { fetchedAt, keys: keys as JsonWebKey[] };
    },
    async save({ fetchedAt, keys }) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const content = { format: FORMAT, issuer, origin, fetched_at: fetchedAt, keys };
      await writeFileAtomic(path, `${JSON.stringify(content)}\n`);
    },
  };
}

/** Its text, or undefined when there is no such file. */
async function readOwnFile(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode, size } = await file.stat();
    if ((mode & WRITABLE_BY_OTHERS) !== 0) throw new Error('others than its owner may write it: chmod 600');
    if (size > MAX_FILE_BYTES) throw new Error('it is too large');
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
