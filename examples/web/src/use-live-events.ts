import { useEffect, useState } from 'preact/hooks';
import { type LiveEvent, type LiveListener, type LiveStatus, readLive } from './live-stream.js';

const NAME = 'gatehouse example: live events';
const KEPT = 50;

type Message = { status: LiveStatus } | { event: LiveEvent };

/**
 * The events, newest first. One tab of the browser reads them and tells the others: over HTTP/1.1 a browser opens six
 * connections to an origin, and six tabs with a stream each would leave none for anything else. When that tab goes, its
 * lock is the next one's.
 */
export function useLiveEvents(): { status: LiveStatus; events: readonly LiveEvent[] } {
  const [status, setStatus] = useState<LiveStatus>('connecting');
  const [events, setEvents] = useState<readonly LiveEvent[]>([]);

  useEffect(() => {
    const channel = new BroadcastChannel(NAME);
    const stopped = new AbortController();
    const show = (message: Message): void => {
      setStatus('status' in message ? message.status : 'live');
      if ('event' in message) setEvents((earlier) => [message.event, ...earlier].slice(0, KEPT));
    };
    const showEverywhere = (message: Message): void => {
      show(message);
      channel.postMessage(message);
    };
    const listener: LiveListener = {
      status: (next) => showEverywhere({ status: next }),
      event: (event) => showEverywhere({ event }),
    };
    channel.onmessage = ({ data }: MessageEvent<Message>) => show(data);
    void alone(() => readLive(listener, stopped.signal), stopped.signal);
    return () => {
      stopped.abort();
      channel.close();
    };
  }, []);

  return { status, events };
}

/** Browsers have locks on `https:` and on loopback only; elsewhere each tab reads for itself. */
async function alone(task: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const { locks } = navigator as Partial<Navigator>;
  if (locks === undefined) return task();
  await locks.request(NAME, { signal }, task).catch(() => undefined); // aborted while it waited
}
