import { type ClientRequest, type IncomingMessage, ServerResponse } from 'node:http';
import type { createConnection, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../../contracts/problem.js';
import type { Forwardable, HeaderList } from '../pipeline/states.js';
import { ClientWebSocket } from './client-websocket.js';
import type { UpstreamConnection } from './edge.js';
import { MAX_MESSAGE_BYTES, websocketFlow } from './websocket-flow.js';

const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * @fastify/http-proxy for WebSockets only: it goes where the pipeline decided, with the headers that the pipeline made.
 * Plain HTTP never reaches it (`forward-http.ts`).
 */
export async function registerWebSocketProxy(
  app: FastifyInstance,
  clientStallMs: () => number,
): Promise<void> {
  const { close } = app.server;
  // Of the handshake that is being made: headers, client and request come right after one another.
  let [target, connection]: [string, UpstreamConnection | null] = ['', null];
  await app.register(httpProxy, {
    upstream: '',
    websocket: true,
    routes: ['/'],
    httpMethods: app.supportedMethods,
    // Nothing is looked up: the connection is there.
    replyOptions: { getUpstream: () => 'https://upstream.invalid' },
    // Whatever is no WebSocket has been answered before a route's handler would run.
    handler: () => {
      throw new Problem('internal_error');
    },
    wsHooks: websocketFlow(clientStallMs),
    wsServerOptions: {
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      WebSocket: ClientWebSocket,
    } as unknown as FastifyHttpProxyOptions['wsServerOptions'] & object,
    wsClientOptions: {
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      rewriteRequestHeaders(_headers: unknown, request: FastifyRequest) {
        const forwardable = decided(request);
        [target, connection] = [forwardable.target, request.upstreamConnection];
        return headerObject(withoutHandshake(forwardable.upstreamHeaders));
      },
      // A URL parser has tidied it up by now: what goes out is what was decided on, byte by byte.
      finishRequest(handshake: ClientRequest) {
        handshake.path = target;
        if (connection !== null) listen(handshake, connection);
        handshake.end();
      },
      createConnection: (() => connection?.socket) as unknown as typeof createConnection,
    } as FastifyHttpProxyOptions['wsClientOptions'] & object,
  });
  // The proxy's `close` goes on accepting until the last WebSocket has ended, and ends all of them at the same instant.
  app.server.close = close;
  upgradeWebSocketsOnly(app);
}

/** What the handshake says about the target. */
function listen(handshake: ClientRequest, connection: UpstreamConnection): void {
  handshake.once('upgrade', () => connection.answered(101));
  handshake.once('response', ({ statusCode = 0 }: IncomingMessage) => connection.answered(statusCode));
  handshake.once('error', () => connection.failed());
}

function decided(request: FastifyRequest): Forwardable {
  if (request.forwardable === null) throw new Problem('internal_error');
  return request.forwardable;
}

/** Repeated headers become one line, as RFC 9110 section 5.3 allows; cookies join by their own rule. */
function headerObject(headers: HeaderList): Record<string, string> {
  const joined: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const held = joined[name];
    joined[name] = held === undefined ? value : `${held}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return joined;
}

/** The WebSocket client writes its own handshake. */
function withoutHandshake(headers: HeaderList): HeaderList {
  return headers.filter((_, index) => !(headers[index - (index % 2)] ?? '').startsWith('sec-websocket-'));
}

/**
 * Java's client and `curl --http2` offer `Upgrade: h2c` on ordinary requests; RFC 9110 section 7.8 lets a server ignore
 * an upgrade. The proxy would answer 400, so anything but a WebSocket is served as plain HTTP/1.1 and then closed.
 */
function upgradeWebSocketsOnly(app: FastifyInstance): void {
  const [proxyUpgrade] = app.server.listeners('upgrade');
  app.server.removeAllListeners('upgrade');
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isWebSocketUpgrade(request)) {
      proxyUpgrade?.call(app.server, request, socket, head);
      return;
    }
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.on('finish', () => socket.end());
    app.routing(request, response);
  });
}

/** Whether the proxy takes over. Node's parser decides what is an upgrade: the `Connection` header alone does not. */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  const { upgrade } = request as IncomingMessage & { upgrade?: boolean | null };
  return upgrade === true && request.headers.upgrade?.toLowerCase() === 'websocket';
}
