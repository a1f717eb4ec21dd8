import { durationMs } from '../../../kit/units.js';
import type { CorsPolicy, HeaderList } from '../../pipeline/ports.js';
import type { AuthProfileConfig } from '../schema.js';
import { apiKeyHeader, listedSources } from './credentials.js';
import type { EffectiveRoute } from './effective-route.js';
import { withHead } from './route-names.js';

/** What the gateway alone says where a route has CORS; an upstream's is dropped. */
export const CORS_RESPONSE_HEADERS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age',
];

/** What a page has to read to know why it was refused, and to tell somebody about it. */
const EXPOSED = ['WWW-Authenticate', 'Retry-After', 'X-Request-Id'];
const EXPOSED_WITH_LIMIT = ['RateLimit', 'RateLimit-Policy'];

/** `further` goes along with every answer. */
export function compileCors(
  route: EffectiveRoute,
  profile: AuthProfileConfig | undefined,
  further: HeaderList,
): CorsPolicy | undefined {
  const { cors } = route;
  if (cors === undefined) return undefined;
  const { origins, methods, headers, expose = [], credentials = false, max_age } = cors;
  const isAny = origins.includes('*');
  const limited = route.rate_limit === undefined ? [] : EXPOSED_WITH_LIMIT;
  const exposed = ['access-control-expose-headers', [...EXPOSED, ...limited, ...expose].join(', ')];
  const others = isAny ? further : [...further, 'vary', 'Origin'];
  return {
    origins: isAny ? undefined : new Set(origins),
    allowed: [
      ...others,
      ...(isAny ? ['access-control-allow-origin', '*'] : []),
      ...(credentials ? ['access-control-allow-credentials', 'true'] : []),
      ...exposed,
    ],
    others,
    preflight: [
      'access-control-allow-methods',
      withHead(methods ?? route.methods).join(', '),
      'access-control-allow-headers',
      (headers ?? credentialHeaders(profile)).join(', '),
      'access-control-max-age',
      String(durationMs(max_age ?? '10m') / 1000),
    ],
  };
}

/** What a page needs to call the route at all. */
function credentialHeaders(profile: AuthProfileConfig | undefined): string[] {
  const kinds = profile === undefined ? [] : listedSources(profile).map(({ kind }) => kind);
  const key = profile === undefined ? undefined : apiKeyHeader(profile);
  return [
    'Content-Type',
    ...(kinds.includes('bearer') || kinds.includes('dpop') ? ['Authorization'] : []),
    ...(kinds.includes('dpop') ? ['DPoP'] : []),
    ...(key === undefined ? [] : [key]),
  ];
}
