import { once } from 'node:events';
import { chmod, lstat, mkdtemp, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { StartupError } from './startup-error.js';

/**
 * Puts a Unix socket at `path`, with `mode` from its first moment: it is bound in a folder of its owner's and then moved,
 * since a socket is made with the permissions that the process happens to have. `bind` listens at the path that it is
 * given. A socket that a dead process has left is replaced. Returns how to remove it, which spares a successor's.
 * Throws StartupError when somebody listens there already, or the place cannot be used.
 */
export async function placeSocket(
  path: string,
  mode: number,
  bind: (path: string) => Promise<unknown>,
): Promise<() => Promise<void>> {
  await checkFree(path);
  try {
    const folder = await mkdtemp(`${path}.`);
    try {
      const made = join(folder, 's');
      await bind(made);
      await chmod(made, mode);
      const { ino } = await lstat(made);
      await rename(made, path);
      return async () => {
        const present = await lstat(path).catch(() => undefined);
        if (present?.ino === ino) await rm(path, { force: true });
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } catch (cause) {
    throw new StartupError(`cannot make the socket ${path}: ${remedy(cause)}`, { cause });
  }
}

/** A regular file is somebody's: it is left alone, as is a socket that cannot be asked. */
async function checkFree(path: string): Promise<void> {
  const present = await lstat(path).catch(() => undefined);
  if (present === undefined) return;
  if (!present.isSocket()) throw new StartupError(`${path} is not a socket: name another path, or remove it`);
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return;
    throw new StartupError(`the socket ${path} is there, and cannot be asked whose it is: ${code}`, {
      cause,
    });
  } finally {
    socket.destroy();
  }
  throw new StartupError(`another process listens on ${path}: stop it, or name another path`);
}

function remedy(cause: unknown): string {
  const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'its folder does not exist';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return `its folder cannot be written (${code})`;
  return code;
}
