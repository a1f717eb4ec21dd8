import { OPERATOR_SPIFFE_ID } from '../../contracts/spiffe.js';
import { INTERNAL } from '../../contracts/well-known.js';
import type { HttpServer } from './http-server.js';
import { routesFor } from './peer.js';

/** Adds the admin routes of one area (http/admin/). Paths are relative to {@link INTERNAL.adminPrefix}. */
export type AddAdminRoutes = (admin: HttpServer) => void;

/**
 * The admin API on the internal listener, for an operator's certificate only: the gateway, which the internet talks to,
 * has no business here. One file an area adds its routes; none of the answers may be kept by anyone.
 */
export function addAdminRoutes(app: HttpServer, areas: readonly AddAdminRoutes[]): void {
  routesFor(app, { peer: OPERATOR_SPIFFE_ID, prefix: INTERNAL.adminPrefix }, (admin) => {
    admin.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    for (const addRoutes of areas) addRoutes(admin);
  });
}
