import type { Server } from 'node:https';
import { Duplex } from 'node:stream';
import { refuseConnection, refuseUpgrade } from './refuse-connection.js';
import { type GatewayOptions, NotTheGatewayError, requireGateway } from './require-gateway.js';

export interface AcceptOnlyGatewayOptions extends GatewayOptions {
  /** Told of each connection that was refused. */
  onRefused?: (error: NotTheGatewayError) => void;
}

/**
 * Makes an HTTPS server take connections from the gateway alone: another service of the same CA gets 403 and is cut
 * off before its bytes reach the HTTP parser, so that no request, upgrade or CONNECT handler runs.
 *
 * It stands in the server's `emit`, since no listener can keep the listeners after it from running. Upgrades are
 * checked there once more: Fastify on `localhost` opens a second server whose upgrades it emits on the first.
 */
export function acceptOnlyGateway(server: Server, options: AcceptOnlyGatewayOptions = {}): void {
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;
  const isGateway = gatewayCheck(options);
  server.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [first, second] = args;
    if (event === 'secureConnection' && first instanceof Duplex && !isGateway(first)) {
      refuseConnection(first, 'gateway_required');
      return true;
    }
    if ((event === 'upgrade' || event === 'connect') && second instanceof Duplex && !isGateway(second)) {
      refuseUpgrade(second, 'gateway_required');
      return true;
    }
    return emit(event, ...args);
  };
}

/** `requireGateway` once a connection: a certificate cannot change within one (TLS 1.3 has no renegotiation). */
export function gatewayCheck(options: AcceptOnlyGatewayOptions): (socket: Duplex) => boolean {
  const known = new WeakSet<Duplex>();
  return (socket) => {
    if (known.has(socket)) return true;
    try {
      requireGateway(socket, options);
    } catch (error) {
      if (!(error instanceof NotTheGatewayError)) throw error;
      options.onRefused?.(error);
      return false;
    }
    known.add(socket);
    return true;
  };
}
