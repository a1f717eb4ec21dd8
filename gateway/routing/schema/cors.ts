import { Type } from 'typebox';
import { closed, Duration, HeaderName, Methods } from './common.js';

const HeaderNames = (description: string) =>
  Type.Optional(Type.Array(HeaderName, { uniqueItems: true, description }));

export const Cors = Type.Object(
  {
    origins: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      uniqueItems: true,
      description: 'pages that may read the answers, as https://app.example.com; or "*" alone for any',
    }),
    methods: Type.Optional(Methods('default: those of the route')),
    headers: HeaderNames(
      'request headers that pages may set; default: Content-Type and those of the credentials',
    ),
    expose: HeaderNames(
      'response headers that pages may read, besides WWW-Authenticate, Retry-After and X-Request-Id',
    ),
    credentials: Type.Optional(Type.Boolean({ description: 'pages may send cookies; never with "*"' })),
    max_age: Type.Optional(Duration('how long a browser may keep the answer to a preflight; default 10m')),
  },
  { ...closed, description: 'pages of other origins that may use the route; preflights need no token' },
);
