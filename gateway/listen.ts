import type { FastifyInstance } from 'fastify';
import type { Lifecycle } from '../kit/lifecycle.js';
import { StartupError } from '../kit/startup-error.js';
import { placeSocket } from '../kit/unix-socket.js';
import { adminAddress } from './routing/compile/admin-address.js';
import type { GatewayConfig } from './routing/schema.js';

type Stop = () => Promise<void>;

export async function listen(
  lifecycle: Lifecycle,
  app: FastifyInstance,
  { host, port }: { host: string; port: number },
  variable: string,
  stop: Stop,
): Promise<string> {
  lifecycle.onStop(`listener ${host}:${port}`, stop);
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be bound (${code ?? 'unknown error'})`;
    throw new StartupError(`port ${port} on ${host} ${reason}: stop what holds it, or set ${variable}`, {
      cause,
    });
  }
}

/** On an address or a Unix socket, as the config says. Resolves with its URL, or `unix:` and the path. */
export function listenAdmin(
  lifecycle: Lifecycle,
  app: FastifyInstance,
  config: GatewayConfig['admin'],
  stop: Stop,
): Promise<string> {
  const address = adminAddress(config);
  // The checks have seen to it.
  if (address === undefined) throw new Error('the admin listener has no address');
  return address.kind === 'socket'
    ? listenOnSocket(lifecycle, app, address, stop)
    : listen(lifecycle, app, address, 'ADMIN_PORT', stop);
}

async function listenOnSocket(
  lifecycle: Lifecycle,
  app: FastifyInstance,
  { path, mode }: { path: string; mode: number },
  stop: Stop,
): Promise<string> {
  let remove: () => Promise<void> = async () => undefined;
  lifecycle.onStop(`listener ${path}`, async () => {
    await remove();
    await stop();
  });
  remove = await placeSocket(path, mode, (made) => app.listen({ path: made }));
  return `unix:${path}`;
}
