import type { AccessToken } from './access-token.js';

/** What one tab tells the others of the same origin. It stays in the memory of pages: nothing is stored. */
export type TabMessage =
  | { type: 'token'; token: AccessToken }
  | { type: 'signed-out'; reason: string; sessionId: string | undefined }
  /** Who has a token that is still good answers with it. */
  | { type: 'ask' };

export interface Tabs {
  tell(message: TabMessage): void;
  /**
   * Runs `task` while no other tab does. `waited` says that another one was at it first. A lock that is not to be had
   * in time is passed over: two refreshes at once are harmless (the auth service gives both the same successor), a
   * page that hangs is not.
   */
  alone<T>(task: (waited: boolean) => Promise<T>): Promise<T>;
  close(): void;
}

/** Web Locks, as far as they are used. */
export interface Locks {
  request<T>(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    task: (lock: object | null) => Promise<T>,
  ): Promise<T>;
}

export interface Channel {
  postMessage(message: TabMessage): void;
  onmessage: ((event: { data: TabMessage }) => void) | null;
  close(): void;
}

/** The parts of a browser that are used, where there are any. */
export interface TabHost {
  locks?: Locks | undefined;
  BroadcastChannel?: (new (name: string) => Channel) | undefined;
}

const LOCK_WAIT_MS = 5000;

/** Works without either part: a tab then only knows of itself. */
export function createTabs(name: string, host: TabHost, onMessage: (message: TabMessage) => void): Tabs {
  const channel = host.BroadcastChannel === undefined ? undefined : new host.BroadcastChannel(name);
  if (channel !== undefined) channel.onmessage = ({ data }) => onMessage(data);
  return {
    tell: (message) => channel?.postMessage(message),
    alone: (task) => (host.locks === undefined ? task(false) : underLock(host.locks, name, task)),
    close: () => channel?.close(),
  };
}

async function underLock<T>(locks: Locks, name: string, task: (waited: boolean) => Promise<T>): Promise<T> {
  const free = await locks.request(name, { ifAvailable: true }, async (lock) =>
    lock === null ? undefined : { result: await task(false) },
  );
  if (free !== undefined) return free.result;
  const inTime = new AbortController();
  const timer = setTimeout(() => inTime.abort(), LOCK_WAIT_MS);
  const waited = locks.request(name, { signal: inTime.signal }, () => {
    clearTimeout(timer);
    return task(true);
  });
  try {
    return await waited;
  } catch (error) {
    if (!inTime.signal.aborted) throw error;
    return task(true);
  }
}
