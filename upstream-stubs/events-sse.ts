import type { ServerResponse } from 'node:http';
import type { Clock } from '../kit/clock.js';
import type { StubServer } from './create-server.js';

const EVENT_INTERVAL_MS = 1000;
const HEARTBEAT_INTERVAL_MS = 15_000;
const RETRY_MS = 1000;

/**
 * Server-sent events (HTML standard 9.2): one at once and one each second, numbered from 1 or from the one after
 * `Last-Event-ID`. Heartbeat comments keep idle timers on the way from cutting the stream.
 */
export function addEventStream(app: StubServer, clock: Clock): void {
  const open = new Set<() => void>();
  app.addHook('preClose', (done) => {
    for (const end of open) end();
    done();
  });
  app.get('/api/events', { exposeHeadRoute: false }, ({ identity, headers }, reply) => {
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no', // nginx would hold the events back
    });
    stream.write(`retry: ${RETRY_MS}\n\n`);
    const stop = sendEvents(stream, clock, lastEventId(headers['last-event-id']), identity.subject);
    const end = (): void => {
      stop();
      stream.end();
    };
    open.add(end);
    stream.on('error', () => undefined); // the reader went away; `close` follows
    stream.on('close', () => {
      stop();
      open.delete(end);
    });
  });
}

/** Starts both timers. Returns how to stop them. */
function sendEvents(
  stream: ServerResponse,
  clock: Clock,
  lastId: number,
  subject: string | undefined,
): () => void {
  let id = lastId;
  const sendEvent = (): void => {
    if (stream.writableNeedDrain) return; // a slow reader gets fewer events, not a growing buffer
    id += 1;
    stream.write(
      `id: ${id}\ndata: ${JSON.stringify({ id, subject, at: new Date(clock.now()).toISOString() })}\n\n`,
    );
  };
  sendEvent();
  const stopEvents = every(clock, EVENT_INTERVAL_MS, sendEvent);
  const stopHeartbeats = every(clock, HEARTBEAT_INTERVAL_MS, () => {
    if (!stream.writableNeedDrain) stream.write(': heartbeat\n\n');
  });
  return () => {
    stopEvents();
    stopHeartbeats();
  };
}

/** Calls `fn` each `intervalMs` until the returned function is called. */
function every(clock: Clock, intervalMs: number, fn: () => void): () => void {
  const tick = (): void => {
    cancel = clock.after(intervalMs, tick);
    fn();
  };
  let cancel = clock.after(intervalMs, tick);
  return () => cancel();
}

/** 0 when there is none, or none of ours. */
function lastEventId(header: string | string[] | undefined): number {
  return typeof header === 'string' && /^[0-9]{1,15}$/.test(header) ? Number(header) : 0;
}
