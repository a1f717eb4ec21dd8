import { WebSocket } from 'ws';

/** A message is held in memory whole. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** What may wait for one side to take it before the other side is held up. */
const MAX_WAITING_BYTES = 1024 * 1024;
const LOOK_EVERY_MS = 20;

/**
 * The client's end of a proxied WebSocket. When the upstream's end fails, the proxy would close this one with the text
 * of the error: it names the inside of the house, and past 123 bytes (RFC 6455 section 5.5) it is an exception that
 * nobody catches. A close frame of the upstream's own comes as bytes and is passed on.
 */
export class ClientWebSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, typeof reason === 'string' ? '' : reason);
  }

  /** Pings are answered at once, also those of a client that reads none of the answers. */
  override pong(...args: Parameters<WebSocket['ping']>): void {
    if (isFull(this)) this.terminate();
    else super.pong(...args);
  }
}

export interface WebSocketFlow {
  onConnect(context: unknown, source: WebSocket, target: WebSocket): void;
  onIncomingMessage(context: unknown, source: WebSocket, target: WebSocket): void;
  onOutgoingMessage(context: unknown, source: WebSocket, target: WebSocket): void;
}

/**
 * The proxy passes messages on whether or not the other side takes them. Here the sender is held up while more than
 * 1 MiB waits, and a reader that takes nothing for `stallMs` is cut off.
 */
export function websocketFlow(stallMs: () => number): WebSocketFlow {
  const holdUp = (sender: WebSocket, reader: WebSocket): void => {
    if (sender.isPaused || !isFull(reader)) return;
    sender.pause();
    let waiting = reader.bufferedAmount;
    let movedAt = performance.now();
    const timer = setInterval(() => {
      if (isFull(reader)) {
        if (reader.bufferedAmount !== waiting) movedAt = performance.now();
        waiting = reader.bufferedAmount;
        if (performance.now() - movedAt < stallMs()) return;
        reader.terminate();
      }
      clearInterval(timer);
      sender.resume();
    }, LOOK_EVERY_MS).unref();
  };
  return {
    // The proxy leaves an upstream connection open when its client has gone before it was there.
    onConnect: (_context, source, target) => {
      if (source.readyState !== WebSocket.OPEN) target.terminate();
    },
    onIncomingMessage: (_context, source, target) => holdUp(source, target),
    onOutgoingMessage: (_context, source, target) => holdUp(target, source),
  };
}

/** Before it is open, the proxy keeps what is sent to it. */
const isFull = (socket: WebSocket): boolean =>
  socket.readyState === WebSocket.CONNECTING ||
  (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > MAX_WAITING_BYTES);
