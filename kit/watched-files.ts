import { createHash } from 'node:crypto';
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from './clock.js';

export interface WatchOptions {
  clock: Clock;
  /** Default 5 s: how often the contents are compared anyway, for file systems that tell of no changes. */
  pollMs?: number;
  /** Default 100 ms: how long contents have to stand still, so that a file is read when it is written whole. */
  settleMs?: number;
}

export interface FileWatch {
  /**
   * What is watched from now on: files, and folders of files. What was watched before is compared with what it held
   * then, so that no change between two calls is lost.
   */
  follow(paths: readonly string[]): void;
  stop(): void;
}

/** Events that go on and on, as of a log in the same folder, delay a look no longer than this. */
const MAX_DELAY_MS = 1000;

/**
 * Calls `onChange` when the content of any of the files has changed and stood still. Folders are watched, not files: a
 * symlink swap, as Kubernetes does it, never touches the file itself. Contents decide, so a touched file is no change.
 */
export function watchFiles(onChange: () => void, options: WatchOptions): FileWatch {
  const { clock, pollMs = 5000, settleMs = 100 } = options;
  let known = new Map<string, string>();
  let restless: { contents: string; since: number } | undefined;
  let cancel: () => void = () => undefined;
  let lookBy = Number.POSITIVE_INFINITY;
  let stopped = false;
  const watchers = new Map<string, FSWatcher>();

  const look = (): void => {
    lookBy = Number.POSITIVE_INFINITY;
    const now = contentsOf(known.keys());
    const seen = JSON.stringify([...now]);
    const isChanged = seen !== JSON.stringify([...known]);
    if (!isChanged) restless = undefined;
    else if (restless?.contents !== seen) restless = { contents: seen, since: clock.monotonic() };
    else if (clock.monotonic() - restless.since >= settleMs) {
      restless = undefined;
      known = now;
      onChange();
    }
    lookAfter(restless === undefined ? pollMs : settleMs);
  };
  const lookAfter = (delayMs: number): void => {
    cancel();
    if (!stopped) cancel = clock.after(delayMs, look);
  };
  const onEvent = (): void => {
    const now = clock.monotonic();
    lookBy = Math.min(lookBy, now + MAX_DELAY_MS);
    lookAfter(Math.max(Math.min(settleMs, lookBy - now), 0));
  };
  const watchFolders = (folders: ReadonlySet<string>): void => {
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of folders) {
      const watcher = watchers.has(folder) ? undefined : tryWatch(folder, onEvent);
      if (watcher !== undefined) watchers.set(folder, watcher);
    }
  };

  return {
    follow(paths) {
      known = new Map(paths.map((path) => [path, known.get(path) ?? contentOf(path)]));
      watchFolders(new Set(paths.flatMap((path) => [dirname(path), ...(isFolder(path) ? [path] : [])])));
      lookAfter(pollMs);
    },
    stop() {
      stopped = true;
      cancel();
      watchFolders(new Set());
    },
  };
}

/** One text for what all of these files and folders hold at the moment. */
export function fingerprint(paths: readonly string[]): string {
  return digest(JSON.stringify([...contentsOf(paths)]));
}

/** A folder that cannot be watched is left to the polling. */
function tryWatch(folder: string, onEvent: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

function contentsOf(paths: Iterable<string>): Map<string, string> {
  return new Map([...paths].map((path) => [path, contentOf(path)]));
}

/** A file that is missing for a moment, in the middle of a swap, is a state like any other. */
function contentOf(path: string): string {
  try {
    const names = filesIn(path);
    if (names === undefined) return digest(readFileSync(path));
    return names.map((name) => `${name} ${contentOf(join(path, name))}`).join('\n');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}

const isFolder = (path: string): boolean => filesIn(path) !== undefined;

/** The files of a folder, in order; those with a dot in front are an editor's or Kubernetes' own. */
function filesIn(path: string): string[] | undefined {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort();
  } catch {
    return undefined;
  }
}

const digest = (content: string | Buffer): string => createHash('sha256').update(content).digest('base64');
