import { type Static, Type } from 'typebox';
import { RATE_LIMIT_BY } from '../../pipeline/ports.js';
import { closed, Duration, Name } from './common.js';

export const RateLimit = Type.Object(
  {
    requests: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
    per: Duration('the window that the requests are spread over'),
    burst: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000_000,
        description: 'how many may come at once; default: requests',
      }),
    ),
    by: Type.Optional(
      Type.Union(
        RATE_LIMIT_BY.map((by) => Type.Literal(by)),
        {
          description:
            'whose requests are counted together; who has no API key or client id counts by subject, and who has no subject by address; default: subject',
        },
      ),
    ),
    shared: Type.Optional(
      Type.Boolean({ description: 'counted by all gateways together, in Redis; default: false' }),
    ),
  },
  closed,
);

const NamedOrOwn = Type.Union([
  Type.String({ minLength: 1, description: 'a name under rate_limits' }),
  RateLimit,
]);

/** What a route is held to: a limit of its own, one under `rate_limits`, or several that all have to have room. */
export const RouteRateLimit = Type.Union([NamedOrOwn, Type.Array(NamedOrOwn, { minItems: 1, maxItems: 4 })], {
  description: 'a limit, the name of one under rate_limits, or a list of them, which all hold',
});

/** Limits with a name: routes that give the same one are counted together. */
export const RateLimits = Type.Record(Name, RateLimit, {
  ...closed,
  description: 'limits that routes share by name',
});

export type RateLimitConfig = Static<typeof RateLimit>;
export type RouteRateLimitConfig = Static<typeof RouteRateLimit>;
