import { Type } from 'typebox';
import { closed, Duration, Size } from './common.js';
import { Cors } from './cors.js';
import { RequestHeaders, ResponseHeaders } from './header-rules.js';
import { Priority } from './overload.js';
import { RouteRateLimit } from './rate-limit.js';

/** What may be said once for all routes. */
export const limitsOfRoutes = {
  max_body: Type.Optional(Size('longest request body; default: 1MiB')),
  timeout: Type.Optional(Duration('to the first byte of the response; default 30s')),
  total_timeout: Type.Optional(
    Duration('to the end of the response; default 0s: none; event streams and WebSockets exempt'),
  ),
  retries: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 5,
      description:
        'how often GET, HEAD, OPTIONS, PUT and DELETE are sent again, to another target; default 1',
    }),
  ),
  try_timeout: Type.Optional(
    Duration('to the first byte from one target, before another is tried; default 0s: none'),
  ),
  idle_timeout: Type.Optional(
    Duration('longest silence in mid-response; default 60s, 0s for none; event streams exempt'),
  ),
  stream_idle_timeout: Type.Optional(
    Duration('longest silence of an event stream or a WebSocket; default 1h, 0s for none'),
  ),
};

export const Defaults = Type.Object(
  {
    ...limitsOfRoutes,
    rate_limit: Type.Optional(RouteRateLimit),
    priority: Type.Optional(Priority),
    cors: Type.Optional(Cors),
    request_headers: Type.Optional(RequestHeaders),
    response_headers: Type.Optional(ResponseHeaders),
  },
  { ...closed, description: 'what holds for each route that says nothing else' },
);
