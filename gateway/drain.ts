import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../kit/clock.js';
import { cutSocket } from './http/cut-connection.js';
import type { Shutdown } from './http/shutdown.js';

/** A connection whose reply has ended meanwhile may bring one more request before it is closed. */
const LINGER_MS = 1000;
/** Streams are ended within this part of the time; the rest is for their clients to answer. */
const STREAMS_SHARE = 0.8;

/**
 * How a listener ends: it stops accepting and lets what is under way end; what is still open after `drainMs` is cut.
 * To be asked for before it listens, since `closeAllConnections` knows nothing of WebSockets.
 */
export function drainOf(
  app: FastifyInstance,
  clock: Clock,
  drainMs: () => number,
  shutdown?: Shutdown,
): () => Promise<void> {
  const { server } = app;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return async () => {
    const timeMs = drainMs();
    const cancel = clock.after(timeMs, () => {
      shutdown?.end();
      for (const socket of sockets) cutSocket(socket);
    });
    server.keepAliveTimeout = LINGER_MS;
    shutdown?.endStreams(timeMs * STREAMS_SHARE);
    // What has arrived by now, connections and requests, is read before the listener and idle connections are closed.
    await new Promise((resolve) => setImmediate(resolve));
    await app.close();
    cancel();
  };
}
