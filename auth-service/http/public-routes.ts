import fastifyCookie from '@fastify/cookie';
import type { FastifyRequest } from 'fastify';
import type { EndAllSessions } from '../tokens/end-all-sessions.js';
import type { EndSession } from '../tokens/end-session.js';
import type { IdentifySession } from '../tokens/identify-session.js';
import type { RefreshSession } from '../tokens/refresh-session.js';
import { firstPartyTerms } from '../tokens/session-terms.js';
import { createCheckCookieOrigin } from './check-cookie-origin.js';
import { createFindCredential } from './find-credential.js';
import type { HttpServer } from './http-server.js';
import { addJwksRoute, type JwksRouteDeps } from './jwks-route.js';
import { addLoginRoutes, type LoginRouteDeps } from './login-routes.js';
import { originOf } from './origin-of.js';
import { clearRefreshCookie, isCookieOf, readRefreshCookie } from './refresh-cookie.js';
import { RefreshTokenBody } from './schemas.js';
import { sendEnding, sendTokens } from './send-tokens.js';
import { addSessionRoutes, type SessionRouteDeps } from './session-routes.js';

export interface PublicRouteDeps extends Omit<LoginRouteDeps, 'checkCookieOrigin'>, SessionRouteDeps {
  refreshSession: RefreshSession;
  identifySession: IdentifySession;
  endSession: EndSession;
  endAllSessions: EndAllSessions;
  jwks: JwksRouteDeps;
  allowedOrigins: readonly string[];
}

/** What the gateway's routes forward to (design 4.10). */
export async function addPublicRoutes(app: HttpServer, deps: PublicRouteDeps): Promise<void> {
  const checkCookieOrigin = createCheckCookieOrigin(deps.allowedOrigins);
  const credentials = createFindCredential({ checkCookieOrigin, identifySession: deps.identifySession });
  await app.register(fastifyCookie);

  addLoginRoutes(app, { ...deps, checkCookieOrigin });
  addSessionRoutes(app, deps);

  const withOptionalBody = { schema: { body: RefreshTokenBody }, preValidation: bodyMayBeLeftOut };

  app.post('/auth/refresh', withOptionalBody, async (request, reply) => {
    const { refreshToken, delivery } = credentials.refreshToken(request, request.body.refresh_token);
    // No refusal clears the cookie: who lost a race has a newer one by now, and who met a 429 or 503 tries again.
    const terms = firstPartyTerms(await deps.proveKey(request));
    return sendTokens(reply, await deps.refreshSession(refreshToken, originOf(request), terms), { delivery });
  });

  app.post('/auth/logout', withOptionalBody, async (request, reply) => {
    const session = await credentials.session(request, request.body.refresh_token);
    const ending = await deps.endSession(session, 'logout', originOf(request));
    if (isCookieOf(request, session.sessionId)) clearRefreshCookie(reply);
    return sendEnding(reply, ending);
  });

  app.post('/auth/logout-all', withOptionalBody, async (request, reply) => {
    const session = await credentials.session(request, request.body.refresh_token);
    const ending = await deps.endAllSessions(session, originOf(request));
    if (readRefreshCookie(request) !== undefined) clearRefreshCookie(reply);
    return sendEnding(reply, ending);
  });

  addJwksRoute(app, deps.jwks);
}

/** A call by cookie or bearer has nothing to put in a body. A `null` is a body. */
async function bodyMayBeLeftOut(request: FastifyRequest): Promise<void> {
  if (request.body === undefined) request.body = {};
}
