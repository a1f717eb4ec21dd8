import { Type } from 'typebox';
import { IdentityHeaders, Origins, RouteAuth } from './auth-profile.js';
import { closed, Methods } from './common.js';
import { Cors } from './cors.js';
import { limitsOfRoutes } from './defaults.js';
import { destination } from './destination.js';
import { RequestHeaders, ResponseHeaders } from './header-rules.js';
import { Priority } from './overload.js';
import { RouteRateLimit } from './rate-limit.js';
import { routeMatch } from './route-match.js';

export const Route = Type.Object(
  {
    path: Type.String({ pattern: '^/', description: 'static, with :parameters, or ending in /*' }),
    methods: Methods('what the route takes; GET serves HEAD too'),
    ...routeMatch,
    auth: Type.Union([Type.String({ minLength: 1, description: 'public, or a name under auth' }), RouteAuth]),
    ...destination,
    forward_token: Type.Optional(Type.Boolean()),
    forward_certificate: Type.Optional(
      Type.Boolean({ description: 'hand a verified client certificate on as Client-Cert (RFC 9440)' }),
    ),
    identity_headers: Type.Optional(IdentityHeaders),
    origins: Type.Optional(Origins),
    encoded_slash: Type.Optional(Type.Union([Type.Literal('refuse'), Type.Literal('allow')])),
    body_on_get: Type.Optional(
      Type.Union([Type.Literal('refuse'), Type.Literal('allow')], {
        description: 'a body on GET or HEAD; default: refuse',
      }),
    ),
    ...limitsOfRoutes,
    rate_limit: Type.Optional(Type.Union([Type.Literal(false), RouteRateLimit])),
    priority: Type.Optional(Priority),
    cost: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'what one request counts for in the rate limits; default: 1',
      }),
    ),
    cors: Type.Optional(Type.Union([Type.Literal(false), Cors])),
    request_headers: Type.Optional(RequestHeaders),
    response_headers: Type.Optional(ResponseHeaders),
  },
  closed,
);
