import type { HeaderList } from './header-list.js';
import { headerValues } from './headers.js';

/** Which pages may read a route's answers (Fetch standard, CORS protocol). Every header is made at load. */
export interface CorsPolicy {
  /** As browsers write them; undefined: any, and then without credentials. */
  origins: ReadonlySet<string> | undefined;
  /** On every answer to an allowed page, but for `Access-Control-Allow-Origin` with its origin. */
  allowed: HeaderList;
  /** On every answer to anybody else. */
  others: HeaderList;
  /** Besides those, on the answer to a preflight. */
  preflight: HeaderList;
}

/** What the gateway adds to any answer on a route, whoever makes it: upstream, route or a refusal. */
export function responseHeadersOf(
  { cors, responseHeaders }: { cors: CorsPolicy | undefined; responseHeaders: HeaderList },
  headers: HeaderList,
): HeaderList {
  if (cors === undefined) return responseHeaders;
  if (cors.origins === undefined) return cors.allowed;
  const origin = allowedOrigin(cors, headers);
  return origin === undefined ? cors.others : ['access-control-allow-origin', origin, ...cors.allowed];
}

/** The page's origin where the policy has it. Two are nobody's. */
export function allowedOrigin({ origins }: CorsPolicy, headers: HeaderList): string | undefined {
  const [origin, ...others] = headerValues(headers, 'origin');
  if (origin === undefined || others.length > 0) return undefined;
  return origins === undefined || origins.has(origin) ? origin : undefined;
}
