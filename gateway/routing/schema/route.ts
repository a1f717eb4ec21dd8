import { Type } from 'typebox';
import { IdentityHeaders, Origins, RouteAuth } from './auth-profile.js';
import { closed, Duration, Size } from './common.js';
import { destination } from './destination.js';
import { routeMatch } from './route-match.js';

const Methods = Type.Array(
  Type.Union(
    ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => Type.Literal(method)),
  ),
  { minItems: 1, uniqueItems: true },
);

const RateLimit = Type.Object(
  { requests: Type.Integer({ minimum: 1 }), per: Duration('the window that the requests are spread over') },
  closed,
);

export const Route = Type.Object(
  {
    path: Type.String({ pattern: '^/', description: 'static, with :parameters, or ending in /*' }),
    methods: Methods,
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
    max_body: Type.Optional(Size('default: 1MiB')),
    timeout: Type.Optional(Duration('to the first byte of the response; default 30s')),
    idle_timeout: Type.Optional(
      Duration('longest silence in mid-response; default 60s, 0s for none; event streams exempt'),
    ),
    rate_limit: Type.Optional(RateLimit),
  },
  closed,
);
