import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StartupError } from '../kit/startup-error.js';
import { processIdentity } from './process-identity.js';

const CLAIM = /^lock-(\d+)-([0-9a-f]+)$/;
const HELD = 'held';
const WAIT_FOR_OTHERS_MS = 2000;
const LOOK_AGAIN_MS = 10;

export interface DataFolderLock {
  release(): Promise<void>;
}

/**
 * Makes the data folder (owner only) and takes it for this process. Throws StartupError when another process has it or
 * when it cannot be written. A process that was killed holds nothing: its claim names it and the time it started.
 *
 * Race-free without locks of the system: everyone first files a claim under a name of its own, then looks at the
 * others'. Of two who file at once at least one sees the other. The greater number gives way, the lesser waits until
 * it has; a claim that is marked as held stays.
 *
 * Processes that cannot see each other, as in two containers that share a volume, are not kept apart.
 */
export async function lockDataFolder(dir: string): Promise<DataFolderLock> {
  const folder = resolve(dir);
  const claim = `lock-${process.pid}-${processIdentity(process.pid)}`;
  const release = () => rm(join(folder, claim), { force: true });
  await fileClaim(folder, claim);
  const waitUntil = performance.now() + WAIT_FOR_OTHERS_MS;
  for (;;) {
    const other = await findOther(folder, claim);
    if (other === undefined) break;
    if (other.isHolder || other.pid < process.pid || performance.now() > waitUntil) {
      await release();
      throw inUse(folder, other.pid);
    }
    await new Promise((again) => setTimeout(again, LOOK_AGAIN_MS));
  }
  await writeFile(join(folder, claim), HELD);
  return { release };
}

async function fileClaim(folder: string, claim: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(join(folder, claim), 'wx', 0o600);
    await file.close();
  } catch (cause) {
    const { code, message, syscall } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' && syscall === 'open') throw inUse(folder, process.pid);
    throw new StartupError(`the data folder ${folder} cannot be written: ${code ?? message}`, { cause });
  }
}

interface Other {
  pid: number;
  isHolder: boolean;
}

/** The holder, or else the least number, of the other living processes with a claim. Removes the claims of the dead. */
async function findOther(folder: string, own: string): Promise<Other | undefined> {
  const others: Other[] = [];
  for (const name of await readdir(folder)) {
    const [, number, identity] = CLAIM.exec(name) ?? [];
    if (number === undefined || name === own) continue;
    const pid = Number(number);
    const path = join(folder, name);
    if (processIdentity(pid) === identity) {
      others.push({ pid, isHolder: (await readFile(path, 'utf8').catch(() => '')) === HELD });
    } else {
      await rm(path, { force: true }); // safe: nobody else will ever have that name
    }
  }
  return others.find((other) => other.isHolder) ?? others.sort((a, b) => a.pid - b.pid)[0];
}

function inUse(folder: string, pid: number): StartupError {
  return new StartupError(
    `the data folder ${folder} is in use by process ${pid}: stop that one, or set GATEHOUSE_DATA to another folder`,
  );
}
