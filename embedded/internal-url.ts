import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../kit/write-file-atomic.js';

/**
 * Tells the `gatehouse` command where the internal listener is: the embedded default takes any free port for it.
 * For the owner of the data folder only. Returns what takes it back.
 */
export async function writeInternalUrl(dataDir: string, url: string): Promise<() => Promise<void>> {
  const dir = join(dataDir, 'run');
  const path = join(dir, 'auth-internal-url');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, `${url}\n`);
  return () => rm(path, { force: true });
}
