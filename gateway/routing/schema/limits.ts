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
}

export function listenerLimits(limits: Static<typeof Limits> = {}): ListenerLimits {
  return {
    headersMs: durationMs(limits.headers ?? '10s'),
    headerBytes: sizeBytes(limits.header_bytes ?? '16KiB'),
    bodyIdleMs: durationMs(limits.body_idle ?? '10s'),
    clientStallMs: durationMs(limits.client_stall ?? '60s'),
    keepAliveMs: durationMs(limits.keep_alive ?? '72s'),
    concurrentStreams: limits.concurrent_streams ?? 100,
  };
}
