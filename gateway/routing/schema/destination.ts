import { Type } from 'typebox';
import { closed, HeaderName } from './common.js';
import { HeaderValue } from './header-rules.js';

const Redirect = Type.Object(
  {
    to: Type.String({
      pattern: '^(?:https:/)?/[\\x21-\\x7E]*$',
      description:
        'https://host/path, or /path on the same host; :parameters and a final * of the route\u2019s path may stand in the path; the request\u2019s query goes along unless there is one here',
    }),
    status: Type.Optional(
      Type.Union(
        [301, 302, 307, 308].map((status) => Type.Literal(status)),
        { description: '301, 302, 307 or 308; default 307' },
      ),
    ),
  },
  { ...closed, description: 'answer with a redirect; no upstream' },
);

const Reply = Type.Object(
  {
    status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599, description: 'default: 200' })),
    headers: Type.Optional(Type.Record(HeaderName, HeaderValue, closed)),
    body: Type.Optional(
      Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown()), Type.Array(Type.Unknown())], {
        description: 'text, or a map or list that is sent as JSON; 64KiB at most',
      }),
    ),
  },
  { ...closed, description: 'answer with this; no upstream' },
);

const Mirror = Type.Object(
  {
    upstream: Type.String({ minLength: 1, description: 'a name under upstreams' }),
    percent: Type.Optional(
      Type.Number({ minimum: 0, maximum: 100, description: 'of the requests; default: 100' }),
    ),
  },
  { ...closed, description: 'send copies of requests to another upstream, whose answers are not looked at' },
);

/** Where a request goes: exactly one of `upstream`, `redirect` and `reply`; `check-destination.ts` sees to it. */
export const destination = {
  upstream: Type.Optional(Type.String({ minLength: 1, description: 'a name under upstreams' })),
  strip_prefix: Type.Optional(
    Type.String({
      pattern: '^/',
      description:
        'first segments of the path that the upstream does not get; it reads them in X-Forwarded-Prefix',
    }),
  ),
  rewrite: Type.Optional(
    Type.String({
      pattern: '^/',
      description: 'the path for the upstream, with :parameters and a final * of the route\u2019s path',
    }),
  ),
  mirror: Type.Optional(Mirror),
  redirect: Type.Optional(Redirect),
  reply: Type.Optional(Reply),
};
