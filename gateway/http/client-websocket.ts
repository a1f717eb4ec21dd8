import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';

/** Codes of RFC 6455 section 7.4.1. */
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
/** No close frame came. */
const ABNORMAL = 1006;
/** How the proxy passes that on, since no frame may say it. */
const PROXIED_ABNORMAL = 4006;
/** How long a client whose access has ended may take to answer the close frame. */
const LAST_WORD_MS = 1000;
/** What may wait for one side to take it before the other side is held up. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** What `ws` calls once the handshake is through; its types keep it back. */
const Upgradable = WebSocket as unknown as new (
  ...args: ConstructorParameters<typeof WebSocket>
) => WebSocket & { setSocket(socket: Duplex, head: Buffer, options: object): void };

const awaited = new WeakMap<Duplex, (client: ClientWebSocket) => void>();

/** Called at once when the connection has become a WebSocket. */
export function whenUpgraded(connection: Duplex, use: (client: ClientWebSocket) => void): void {
  awaited.set(connection, use);
}

/**
 * The client's end of a proxied WebSocket. When the upstream's end fails, the proxy would close this one with the text
 * of the error: it names the inside of the house, and past 123 bytes (RFC 6455 section 5.5) it is an exception that
 * nobody catches. A close frame of the upstream's own comes as bytes and is passed on.
 */
export class ClientWebSocket extends Upgradable {
  /** The upstream ended without a close frame, or in an error. */
  hasLostUpstream = false;
  /** Each side has had the other's close frame. */
  hasParted = false;

  override setSocket(socket: Duplex, head: Buffer, options: object): void {
    super.setSocket(socket, head, options);
    this.once('close', (code) => {
      this.hasParted = code !== ABNORMAL;
    });
    awaited.get(socket)?.(this);
  }

  override close(code?: number, reason?: string | Buffer): void {
    if (typeof reason === 'string' || code === PROXIED_ABNORMAL) this.hasLostUpstream = true;
    super.close(code, typeof reason === 'string' ? '' : reason);
  }

  /** Pings are answered at once, also those of a client that reads none of the answers. */
  override pong(...args: Parameters<WebSocket['ping']>): void {
    if (isFull(this)) this.terminate();
    else super.pong(...args);
  }

  /** The client is to come back, perhaps to another gateway. The upstream hears it when the client has answered. */
  leave(reason: string): void {
    this.close(GOING_AWAY, Buffer.from(reason));
  }

  /** Nothing of the client's goes on from here. */
  endAccess(reason: string): void {
    for (const event of ['message', 'ping', 'pong']) this.removeAllListeners(event);
    this.close(POLICY_VIOLATION, Buffer.from(reason));
    setTimeout(() => this.terminate(), LAST_WORD_MS).unref();
  }
}

/** Before it is open, the proxy keeps what is sent to it. */
export const isFull = (socket: WebSocket): boolean =>
  socket.readyState === WebSocket.CONNECTING ||
  (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > MAX_WAITING_BYTES);
