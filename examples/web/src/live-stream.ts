import { eventsOf } from './event-stream.js';
import { client } from './session.js';

export type LiveStatus = 'connecting' | 'live' | 'waiting';

export interface LiveEvent {
  id: number;
  /** RFC 3339. */
  at: string;
}

export interface LiveListener {
  status(status: LiveStatus): void;
  event(event: LiveEvent): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** A stream that ended sooner than this is not opened again at once. */
const SHORT_STREAM_MS = 2000;

/**
 * Reads `GET /api/events` until `signal` aborts. The gateway ends a stream within seconds when its session is ended or
 * its token expires; opening it again then renews the token, or learns why there is none to be had: that is how a page
 * that does nothing finds out that it was signed out.
 */
export async function readLive(listener: LiveListener, signal: AbortSignal): Promise<void> {
  const position = { lastId: '' };
  let waitMs = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const openMs = await readOnce(listener, position, signal).catch(() => 0);
    if (signal.aborted) return;
    if (openMs > 0) waitMs = FIRST_WAIT_MS;
    if (openMs > SHORT_STREAM_MS) continue;
    listener.status('waiting');
    await pauseUnlessWoken(waitMs, signal);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}

/** Resolves with how long it was open, in milliseconds; 0: it was not. */
async function readOnce(
  listener: LiveListener,
  position: { lastId: string },
  signal: AbortSignal,
): Promise<number> {
  const { lastId } = position;
  const headers = { accept: 'text/event-stream', ...(lastId === '' ? {} : { 'last-event-id': lastId }) };
  const response = await client.fetch('/api/events', { headers, signal, cache: 'no-store' });
  if (!response.ok || response.body === null) return 0;
  const openedAt = performance.now();
  listener.status('live');
  try {
    for await (const { id, data } of eventsOf(response.body)) {
      position.lastId = id;
      listener.event(JSON.parse(data) as LiveEvent);
    }
  } catch {
    // cut off in mid-stream: as good as ended
  }
  return performance.now() - openedAt;
}

/** Shorter when the network or the page comes back. */
function pauseUnlessWoken(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const woken = new AbortController();
    const end = (): void => {
      clearTimeout(timer);
      woken.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener('online', end, { signal: woken.signal });
    document.addEventListener('visibilitychange', end, { signal: woken.signal });
    signal.addEventListener('abort', end, { signal: woken.signal });
  });
}
