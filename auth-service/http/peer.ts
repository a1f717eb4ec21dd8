import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { Problem } from '../../contracts/problem.js';
import { spiffeIdFromSubjectAltName } from '../../contracts/spiffe.js';
import type { Logger } from '../../kit/logger.js';
import type { HttpServer } from './http-server.js';

/** Who is at the other end of a connection, read once at its handshake. */
const peers = new WeakMap<object, string>();

/**
 * The handshake lets in any certificate of the internal CA; from here on it has to be one of `accepted`. The connection
 * of anyone else is dropped before a byte of a request is read.
 */
export function acceptPeers(server: Server, accepted: readonly string[], logger: Logger): void {
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const peer = spiffeIdFromSubjectAltName(socket.getPeerCertificate().subjectaltname);
    if (socket.authorized && peer !== undefined && accepted.includes(peer)) {
      peers.set(socket, peer);
      return;
    }
    logger.warn({ peer, accepted }, 'refused a connection of somebody else');
    socket.destroy();
  });
}

/** Routes of a listener that only one of its accepted peers may use; the others get Problem `peer_not_allowed`. */
export function routesFor(
  app: HttpServer,
  { peer, prefix = '' }: { peer: string; prefix?: string },
  addRoutes: (scope: HttpServer) => void,
): void {
  app.register(
    async (scope) => {
      scope.addHook('onRequest', async (request) => {
        if (peers.get(request.raw.socket) !== peer) throw new Problem('peer_not_allowed');
      });
      addRoutes(scope as HttpServer);
    },
    { prefix },
  );
}
