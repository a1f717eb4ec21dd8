import type { Clock } from '../kit/clock.js';
import type { StubServer } from './create-server.js';
import { addEventStream } from './events-sse.js';
import { addWebSocket } from './events-websocket.js';

/** The long-lived kinds of traffic: server-sent events and a WebSocket. */
export function addEvents(app: StubServer, clock: Clock): void {
  addEventStream(app, clock);
  addWebSocket(app);
}
