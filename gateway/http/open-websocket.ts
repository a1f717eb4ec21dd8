import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { headerValues } from '../pipeline/headers.js';
import type { AccessEnd, CutReason, Forwarded, OpenTraffic, Transfer } from '../pipeline/ports.js';
import { rateLimitKey } from '../pipeline/rate-limit-key.js';
import type { Forwardable } from '../pipeline/states.js';
import { type ClientWebSocket, whenUpgraded } from './client-websocket.js';
import type { EdgeUpstreams, UpstreamConnection } from './edge.js';
import { CLIENT_GONE } from './forward-http.js';
import type { Shutdown } from './shutdown.js';
import { upstreamProblem } from './upstream-problem.js';

export interface WebSocketObservers {
  open: OpenTraffic;
  shutdown: Shutdown;
}

/** A WebSocket from its handshake to its end, as the pipeline sees it. In between it is the proxy's. */
export class OpenWebSocket {
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  #client: ClientWebSocket | undefined;
  #cut: CutReason | undefined;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.#request = request;
    this.#reply = reply;
  }

  /** Lets the handshake go on to the proxy (`proceed`), over a connection to the upstream. Resolves when it ends. */
  async forward(
    forwardable: Forwardable,
    transfer: Transfer,
    { open, shutdown }: WebSocketObservers,
    upstreams: EdgeUpstreams,
    proceed: HookHandlerDoneFunction,
  ): Promise<Forwarded> {
    const { socket } = this.#request.raw;
    const connection = await connect(upstreams, forwardable, socket);
    if (connection === undefined) return CLIENT_GONE;
    this.#request.upstreamConnection = connection;
    handOver(this.#request, forwardable);
    const { bytesRead, bytesWritten } = socket;
    open.webSockets += 1;
    whenUpgraded(socket, (client) => {
      this.#client = client;
      // Bytes either way count, and so do pings.
      socket.setTimeout(forwardable.route.streamIdleTimeoutMs, () => this.#leave('idle', 'idle'));
    });
    const remove = shutdown.add({ leave: () => this.#leave('shutting_down', 'the gateway is stopping') });
    return new Promise((resolve) => {
      socket.once('close', () => {
        remove();
        connection.leave();
        open.webSockets -= 1;
        transfer.bytesIn = socket.bytesRead - bytesRead;
        transfer.bytesOut = socket.bytesWritten - bytesWritten;
        const { raw } = this.#reply;
        const status = raw.headersSent ? raw.statusCode : 101;
        // How it ended the WebSocket itself says a moment later.
        setImmediate(() => resolve({ status, cut: this.#cutReason(shutdown) }));
      });
      proceed();
    });
  }

  #leave(why: CutReason, reason: string): void {
    this.#cut ??= why;
    this.#client?.leave(reason);
  }

  #cutReason({ isOver }: Shutdown): CutReason | undefined {
    if (this.#cut !== undefined) return this.#cut;
    if (this.#client?.hasLostUpstream === true) return 'upstream_reset';
    if (this.#client?.hasParted === true) return undefined;
    return isOver ? 'shutting_down' : 'client_gone';
  }

  cut(why: AccessEnd): void {
    if (this.#client === undefined) this.#request.raw.socket.destroy();
    else this.#client.endAccess(why);
  }
}

/** Undefined when the client has gone meanwhile: nobody is there for `close` to tell of. */
async function connect(
  upstreams: EdgeUpstreams,
  forwardable: Forwardable,
  client: Socket,
): Promise<UpstreamConnection | undefined> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  client.once('close', onClose);
  try {
    const connection = await upstreams.connect(forwardable.route.upstream, gone.signal, {
      callerKey: (on) => rateLimitKey(on, forwardable),
    });
    if (!client.destroyed) return connection;
    connection.socket.destroy();
  } catch (error) {
    if (!client.destroyed) throw upstreamProblem(error);
  } finally {
    client.off('close', onClose);
  }
  return undefined;
}

/** The proxy sees only what was decided on: target, headers, and the subprotocols of which it answers one. */
function handOver(request: FastifyRequest, forwardable: Forwardable): void {
  request.forwardable = forwardable;
  request.raw.url = forwardable.target;
  const protocols = headerValues(forwardable.upstreamHeaders, 'sec-websocket-protocol');
  // A token that came as one of them is not there to be chosen.
  if (protocols.length > 0) request.raw.headers['sec-websocket-protocol'] = protocols.join(', ');
  else delete request.raw.headers['sec-websocket-protocol'];
}
