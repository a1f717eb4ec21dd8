import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from './clock.js';

export interface WatchOptions {
  clock: Clock;
  /** Default 5 s: how often the contents are compared anyway, for file systems that tell of no changes. */
  pollMs?: number;
  /** Default 100 ms: quiet time after a change, so that a pair of files is read when both are written. */
  settleMs?: number;
}

/**
 * Calls `onChange` when the content of any of the files has changed. Folders are watched, not files: a symlink swap, as
 * Kubernetes does it, never touches the file itself. Contents decide, so a touched file is no change. Returns how to stop.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void,
  options: WatchOptions,
): () => void {
  const { clock, pollMs = 5000, settleMs = 100 } = options;
  let known = fingerprint(paths);
  let cancel: () => void = () => undefined;
  let stopped = false;

  const compareAfter = (delayMs: number): void => {
    cancel();
    cancel = clock.after(delayMs, () => {
      const now = fingerprint(paths);
      if (now !== known) {
        known = now;
        onChange();
      }
      if (!stopped) compareAfter(pollMs);
    });
  };
  const watchers = [...new Set(paths.map((path) => dirname(path)))].flatMap((folder) =>
    tryWatch(folder, () => {
      if (!stopped) compareAfter(settleMs);
    }),
  );
  compareAfter(pollMs);
  return () => {
    stopped = true;
    cancel();
    for (const watcher of watchers) watcher.close();
  };
}

/** A folder that cannot be watched is left to the polling. */
function tryWatch(folder: string, onEvent: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent);
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    return [];
  }
}

function fingerprint(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path}\0`).update(contentOf(path)).update('\0');
  return hash.digest('base64');
}

/** A file that is missing for a moment, in the middle of a swap, is a state like any other. */
function contentOf(path: string): Buffer | string {
  try {
    return readFileSync(path);
  } catch {
    return 'missing';
  }
}
