import { Problem } from '../../contracts/problem.js';
import { headerValues } from './headers.js';
import type { ProtectedRoute } from './route.js';
import type { Presented, Routed } from './states.js';

/** The bearer token of the `Authorization` header (RFC 6750 section 2.1); the scheme's case does not matter. */
export function extractCredential(routed: Routed<ProtectedRoute>): Presented {
  const [authorization, ...others] = headerValues(routed.headers, 'authorization');
  if (authorization === undefined) throw new Problem('credentials_missing');
  if (others.length > 0) throw new Problem('ambiguous_credentials');
  const bearer = /^bearer +([^ ]+)$/i.exec(authorization);
  if (bearer?.[1] === undefined)
    throw new Problem(/^bearer\b/i.test(authorization) ? 'token_malformed' : 'credentials_missing');
  return { ...routed, token: bearer[1] };
}
