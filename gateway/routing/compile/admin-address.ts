import type { GatewayConfig } from '../schema.js';

/** Where the admin listener is. */
export type AdminAddress =
  | { kind: 'tcp'; host: string; port: number }
  | { kind: 'socket'; path: string; mode: number };

/** Undefined for a config that names none, half of one, or two. */
export function adminAddress({
  host,
  port,
  socket,
  socket_mode = '0600',
}: GatewayConfig['admin']): AdminAddress | undefined {
  if (socket !== undefined) {
    if (host !== undefined || port !== undefined) return undefined;
    return { kind: 'socket', path: socket, mode: Number.parseInt(socket_mode, 8) };
  }
  return host === undefined || port === undefined ? undefined : { kind: 'tcp', host, port };
}
