import type { ServerOptions } from 'node:https';

/** PEM texts. */
export interface GatewayServerTls {
  /** The internal CA, or an old and a new one side by side. */
  ca: string | Buffer;
  /** This service's certificate, with intermediates if any. */
  cert: string | Buffer;
  key: string | Buffer;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** What Node lets through by default, and the 8 KiB of identity headers besides (design 4.2), with room to spare. */
const MAX_HEADER_BYTES = 32 * 1024;

/**
 * Options for `https.createServer` and for Fastify's `https`: nobody without a certificate of the internal CA gets
 * through the handshake. Which of its certificates is the gateway's is for `requireGateway` to say: use
 * `gatehouseIdentity` or `acceptOnlyGateway` besides.
 */
export function gatewayServerOptions({ ca, cert, key }: GatewayServerTls): ServerOptions {
  return {
    ca,
    cert,
    key,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
}
