import type { AddressInfo, Socket } from 'node:net';
import { type Clock, pause, systemClock } from '../kit/clock.js';
import { startAll } from '../kit/lifecycle.js';
import { createLogger, type Logger } from '../kit/logger.js';
import { StartupError } from '../kit/startup-error.js';
import { readTlsFiles } from '../kit/tls-files.js';
import { createServer, type StubServer } from './create-server.js';
import { addEcho } from './echo.js';
import { addEvents } from './events.js';
import type { StubConfig, StubName, StubsConfig } from './options.js';
import { STUB_NAMES } from './options.js';
import { addOrders } from './orders.js';
import { addProfile } from './profile.js';
import { addWeb } from './web.js';

/** How long requests in flight may go on after a stop; what is open then is cut. */
const STOP_GRACE_MS = 800;

type AddRoutes = (app: StubServer, clock: Clock, config: StubsConfig) => void;

const ADD_ROUTES: Readonly<Record<StubName, AddRoutes>> = {
  orders: addOrders,
  profile: addProfile,
  echo: addEcho,
  events: addEvents,
  web: (app, _clock, { web }) => addWeb(app, web.files),
};

export interface StubsDeps<Name extends StubName = StubName> {
  /** Default: the system's. */
  clock?: Clock;
  logger?: Logger;
  /** Default: all. */
  only?: readonly Name[];
}

export interface RunningStubs<Name extends StubName = StubName> {
  /** Where each one really listens, such as `https://127.0.0.1:9501`. */
  urls: Record<Name, string>;
  /** Resolves within about a second, whatever is still connected. */
  stop(): Promise<void>;
}

/** Starts all stubs, or those named in `only`. Throws StartupError when a certificate or a port is not to be had. */
export function startUpstreamStubs<Name extends StubName = StubName>(
  config: StubsConfig,
  deps: StubsDeps<Name> = {},
): Promise<RunningStubs<Name>> {
  const { clock = systemClock, logger = createLogger('upstream-stubs') } = deps;
  return startAll(async (lifecycle) => {
    const names: readonly StubName[] = deps.only ?? STUB_NAMES;
    const urls = new Map<StubName, string>();
    const stops: (() => Promise<void>)[] = [];
    lifecycle.onStop('upstream stubs', async () => void (await Promise.all(stops.map((stop) => stop()))));
    for (const name of names) {
      const { url, stop } = await startStub(name, config, clock, logger.child({ stub: name }));
      stops.push(stop);
      urls.set(name, url);
    }
    return { urls: Object.fromEntries(urls) as Record<Name, string>, stop: () => lifecycle.stop() };
  });
}

async function startStub(name: StubName, all: StubsConfig, clock: Clock, log: Logger) {
  const config = all[name];
  const app = await createServer(readTlsFiles(config.tls), log);
  ADD_ROUTES[name](app, clock, all);
  const connections = trackConnections(app);
  const { host, port } = config.listen;
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    throw listenError(name, config, cause);
  }
  const bound = app.server.address() as AddressInfo;
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
    async stop(): Promise<void> {
      const stopGrace = new AbortController();
      void pause(clock, STOP_GRACE_MS, stopGrace.signal).then(() => {
        for (const socket of connections) socket.destroy();
      });
      await app.close();
      stopGrace.abort();
    },
  };
}

/** Of TCP, not of HTTP: Node's own list knows neither upgraded connections nor those still in the handshake. */
function trackConnections(app: StubServer): ReadonlySet<Socket> {
  const connections = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  return connections;
}

function listenError(name: StubName, { listen }: StubConfig, cause: unknown): StartupError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  const why = code === 'EADDRINUSE' ? 'the port is in use: set another one' : code;
  return new StartupError(`upstream stub ${name} cannot listen on ${listen.host}:${listen.port}: ${why}`, {
    cause,
  });
}
