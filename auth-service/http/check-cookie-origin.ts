import type { FastifyRequest } from 'fastify';
import { Problem } from '../../contracts/problem.js';

export type CheckCookieOrigin = (request: FastifyRequest) => void;

/**
 * A call that goes by the cookie, or asks for one, has to come from a page of an allow-listed origin (design 4.10).
 * SameSite alone trusts every sibling subdomain. Throws Problem `origin_not_allowed`.
 */
export function createCheckCookieOrigin(allowedOrigins: readonly string[]): CheckCookieOrigin {
  const allowed = new Set(allowedOrigins);
  return ({ headers }) => {
    if (headers['sec-fetch-site'] === 'cross-site' || !allowed.has(headers.origin ?? '')) {
      throw new Problem('origin_not_allowed');
    }
  };
}
