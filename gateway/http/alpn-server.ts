import type { RequestListener } from 'node:http';
import { Server, type ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Http2Listener } from './http2-listener.js';

/**
 * An HTTPS server that offers HTTP/2 as well. What agrees on `h2` in the TLS handshake goes to the HTTP/2 listener, and
 * all else to Node's own HTTP/1.1 server, just as without it. `http2.createSecureServer({ allowHTTP1: true })` would
 * have HTTP/1.1 served by a second implementation with defects of its own (nodejs/node #59922; ADR 0016).
 */
export class AlpnServer extends Server {
  readonly #http2: Http2Listener;

  constructor(options: ServerOptions, listener: RequestListener, http2: Http2Listener) {
    super({ ...options, ALPNProtocols: ['h2', 'http/1.1'] }, listener);
    this.#http2 = http2;
    const http1 = this.listeners('secureConnection');
    this.removeAllListeners('secureConnection');
    this.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol === 'h2') http2.accept(socket);
      else for (const serve of http1) Reflect.apply(serve, this, [socket]);
    });
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections();
    this.#http2.close();
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    this.#http2.destroy();
  }
}
