import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { IdentityError, readIdentity, refuseUpgrade } from '../upstream-kit/index.js';
import type { StubServer } from './create-server.js';

const PATH = '/api/ws';
const MAX_MESSAGE_BYTES = 1024 * 1024;
const GOING_AWAY = 1001;

/** WebSocket (RFC 6455): says `{"subject": …}` first, then sends each message back as it came, text or binary. */
export function addWebSocket(app: StubServer): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });

  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const [path] = (request.url ?? '').split('?', 1);
    if (path !== PATH) return refuseUpgrade(socket, 'route_not_found');
    try {
      const { subject } = readIdentity(request.rawHeaders);
      sockets.handleUpgrade(request, socket, head, (webSocket) => echoMessages(webSocket, subject));
    } catch (error) {
      if (!(error instanceof IdentityError)) throw error;
      refuseUpgrade(socket, 'identity_invalid');
    }
  });

  app.get(PATH, (_request, reply) => reply.code(426).headers({ upgrade: 'websocket' }).send());

  app.addHook('preClose', (done) => {
    for (const webSocket of sockets.clients) webSocket.close(GOING_AWAY, 'the service is stopping');
    done();
  });
}

function echoMessages(webSocket: WebSocket, subject: string | undefined): void {
  webSocket.on('error', () => undefined); // a broken frame or connection: `ws` closes it itself
  webSocket.on('message', (data, isBinary) => {
    // One at a time: a peer that sends and does not read is made to wait, instead of filling our memory.
    webSocket.pause();
    webSocket.send(data, { binary: isBinary }, () => webSocket.resume());
  });
  webSocket.send(JSON.stringify({ subject }));
}
