import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Ends a connection so that what it carried does not look whole. To an HTTP/1.0 client a plain end is how a body ends
 * (RFC 9112 section 6.3); only a reset is not. Within TLS the missing close_notify says the same (section 9.8).
 */
export function cutConnection({ socket, httpVersion }: IncomingMessage): void {
  if (httpVersion === '1.0' && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
  else socket.destroy();
}

/** Likewise, of whatever protocol. Sockets that are no TCP connection by themselves cannot be reset. */
export function cutSocket(socket: Socket): void {
  if (socket.remoteFamily === undefined || socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/** Ends a connection after everything that was written has gone out. */
export function closeConnection({ socket }: IncomingMessage): void {
  socket.destroySoon();
}
