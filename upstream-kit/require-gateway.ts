import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { GATEWAY_SPIFFE_ID, spiffeIdFromSubjectAltName } from '../contracts/spiffe.js';

export interface GatewayOptions {
  /** The gateway's SPIFFE id. Default: `spiffe://gatehouse.internal/gateway`. */
  gatewayId?: string;
}

/** The peer of a connection is not the gateway. */
export class NotTheGatewayError extends Error {
  override readonly name = 'NotTheGatewayError';
  /** The SPIFFE id that the peer proved, where it proved one. For the log. */
  readonly peer: string | undefined;

  constructor(message: string, peer?: string) {
    super(message);
    this.peer = peer;
  }
}

/**
 * Passes when the other end of the connection has shown a certificate of our CA whose one URI SAN is the gateway's
 * SPIFFE id (design 4.2). Only then do the identity headers mean anything. Throws {@link NotTheGatewayError} else.
 */
export function requireGateway(socket: Duplex, options: GatewayOptions = {}): void {
  const gatewayId = options.gatewayId ?? GATEWAY_SPIFFE_ID;
  if (!(socket instanceof TLSSocket)) throw new NotTheGatewayError('the connection is not TLS');
  if (!socket.authorized) throw new NotTheGatewayError('the peer has no certificate of the internal CA');
  const peer = spiffeIdFromSubjectAltName(socket.getPeerCertificate()?.subjectaltname);
  if (peer !== gatewayId) throw new NotTheGatewayError(`the peer is not ${gatewayId}`, peer);
}
