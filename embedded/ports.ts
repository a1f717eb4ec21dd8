import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Env } from '../kit/config-file.js';
import { StartupError } from '../kit/startup-error.js';

/**
 * A port from the environment. 0 becomes a free one right away: the gateway's own address is the `iss` of every token,
 * so it has to be known before anything starts. Throws StartupError when the value is no port, or the port is in use.
 */
export async function readPort(env: Env, variable: string, fallback: number): Promise<number> {
  const text = env[variable] || String(fallback);
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535))
    throw new StartupError(`${variable}=${text} is not a port: use a number from 0 to 65535`);
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return (probe.address() as AddressInfo).port;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be bound (${code ?? 'unknown error'})`;
    throw new StartupError(`port ${port} on 127.0.0.1 ${reason}: stop what holds it, or set ${variable}`, {
      cause,
    });
  } finally {
    probe.close();
  }
}
