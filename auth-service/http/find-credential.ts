import type { FastifyRequest } from 'fastify';
import type { Delivery } from '../../contracts/auth-api.js';
import { Problem } from '../../contracts/problem.js';
import type { IdentifiedSession, IdentifySession } from '../tokens/identify-session.js';
import { bearerToken } from './bearer-token.js';
import type { CheckCookieOrigin } from './check-cookie-origin.js';
import { readRefreshCookie } from './refresh-cookie.js';

export interface FindCredential {
  /**
   * The one refresh token of a request, and how its successor is to be delivered: the way it came.
   * Throws Problem `refresh_token_missing` (none, or two) or `origin_not_allowed`.
   */
  refreshToken(
    request: FastifyRequest,
    inBody: string | undefined,
  ): { refreshToken: string; delivery: Delivery };
  /**
   * The session that asks to be ended: by bearer, else by the body's refresh token, else by cookie. A browser sends its
   * cookie along with either of the others, and a bearer that no longer verifies must not keep a session from ending.
   * Rejects with Problem `credentials_missing`, or with what is wrong with the first credential when none is good.
   */
  session(request: FastifyRequest, inBody: string | undefined): Promise<IdentifiedSession>;
}

export function createFindCredential(deps: {
  checkCookieOrigin: CheckCookieOrigin;
  identifySession: IdentifySession;
}): FindCredential {
  const { checkCookieOrigin, identifySession } = deps;

  async function byCookie(request: FastifyRequest, cookie: string): Promise<IdentifiedSession> {
    checkCookieOrigin(request);
    return identifySession.byRefreshToken(cookie);
  }

  return {
    refreshToken(request, inBody) {
      const cookie = readRefreshCookie(request);
      if (cookie !== undefined && inBody !== undefined) throw new Problem('refresh_token_missing');
      if (inBody !== undefined) return { refreshToken: inBody, delivery: 'body' };
      if (cookie === undefined) throw new Problem('refresh_token_missing');
      checkCookieOrigin(request);
      return { refreshToken: cookie, delivery: 'cookie' };
    },

    async session(request, inBody) {
      const { authorization } = request.headers;
      const cookie = readRefreshCookie(request);
      const candidates: (() => Promise<IdentifiedSession>)[] = [];
      if (authorization !== undefined) {
        candidates.push(async () => identifySession.byAccessToken(bearerToken(authorization)));
      }
      if (inBody !== undefined) candidates.push(() => identifySession.byRefreshToken(inBody));
      if (cookie !== undefined) candidates.push(() => byCookie(request, cookie));
      return firstGood(candidates);
    },
  };
}

async function firstGood(candidates: (() => Promise<IdentifiedSession>)[]): Promise<IdentifiedSession> {
  let refusal: Problem | undefined;
  for (const candidate of candidates) {
    try {
      return await candidate();
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      refusal ??= error;
    }
  }
  throw refusal ?? new Problem('credentials_missing');
}
