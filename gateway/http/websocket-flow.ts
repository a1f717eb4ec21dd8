import { WebSocket } from 'ws';
import { isFull } from './client-websocket.js';

/** A message is held in memory whole. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const LOOK_EVERY_MS = 20;

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
