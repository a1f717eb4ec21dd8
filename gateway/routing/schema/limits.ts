import { type Static, Type } from 'typebox';
import { durationMs, sizeBytes } from '../../../kit/units.js';
import { closed, Duration, Size } from './common.js';

export const Limits = Type.Object(
  {
    headers: Type.Optional(Duration('time for the request headers to be whole; default 10s')),
    header_bytes: Type.Optional(Size('all request headers together; default 16KiB')),
    body_idle: Type.Optional(Duration('longest pause in a request body; default 10s')),
    client_stall: Type.Optional(Duration('how long a client may take nothing of a response; default 60s')),
    keep_alive: Type.Optional(Duration('how long an idle connection stays open; default 72s')),
    connections: Type.Optional(
      Type.Integer({ minimum: 1, description: 'client connections at most; default 20000' }),
    ),
    connections_per_address: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'of them: from one address, or one /64 of IPv6; trusted proxies have no such bound; default 2000',
      }),
    ),
    requests_per_connection: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'after how many requests a client is to connect anew; default 0, which is never',
      }),
    ),
    concurrent_streams: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'requests at a time on one HTTP/2 connection; default 100',
      }),
    ),
  },
  closed,
);

/** The bounds of the public listener, with units resolved. */
export interface ListenerLimits {
  headersMs: number;
  headerBytes: number;
  bodyIdleMs: number;
  clientStallMs: number;
  keepAliveMs: number;
  concurrentStreams: number;
  connections: number;
  connectionsPerAddress: number;
  /** 0: no bound. */
  requestsPerConnection: number;
}

export function listenerLimits(limits: Static<typeof Limits> = {}): ListenerLimits {
  return {
    headersMs: durationMs(limits.headers ?? '10s'),
    headerBytes: sizeBytes(limits.header_bytes ?? '16KiB'),
    bodyIdleMs: durationMs(limits.body_idle ?? '10s'),
    clientStallMs: durationMs(limits.client_stall ?? '60s'),
    keepAliveMs: durationMs(limits.keep_alive ?? '72s'),
    concurrentStreams: limits.concurrent_streams ?? 100,
    connections: limits.connections ?? 20_000,
    connectionsPerAddress: limits.connections_per_address ?? 2000,
    requestsPerConnection: limits.requests_per_connection ?? 0,
  };
}
