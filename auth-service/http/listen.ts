import type { AddressInfo } from 'node:net';
import type { Clock } from '../../kit/clock.js';
import type { Lifecycle } from '../../kit/lifecycle.js';
import { StartupError } from '../../kit/startup-error.js';
import type { ListenAddress } from '../options.js';
import type { HttpServer } from './http-server.js';

const DRAIN_TIMEOUT_MS = 10_000;

/**
 * Binds a server and registers its stop: no new connections, requests under way end, and what still hangs after ten
 * seconds is cut. Returns its URL as bound. Throws StartupError when the address cannot be had.
 */
export async function listen(
  app: HttpServer,
  { host, port }: ListenAddress,
  deps: { clock: Clock; lifecycle: Lifecycle; name: string },
): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    const remedy = code === 'EADDRINUSE' ? 'in use by another process' : code;
    throw new StartupError(`auth service: cannot listen on ${host}:${port}: ${remedy}`, { cause });
  }
  deps.lifecycle.onStop(deps.name, async () => {
    const cutOff = deps.clock.after(DRAIN_TIMEOUT_MS, () => app.server.closeAllConnections());
    await app.close();
    cutOff();
  });
  const address = app.server.address() as AddressInfo;
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `https://${shownHost}:${address.port}`;
}
