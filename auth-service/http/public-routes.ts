import fastifyCookie from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { LogoutResponse, TokenResponse } from '../../contracts/auth-api.js';
import type { Live } from '../../kit/live.js';
import type { Authenticate } from '../accounts/authenticate.js';
import type { KeyRing } from '../keys/key-ring.js';
import type { Ending } from '../revocation/await-published.js';
import type { EndAllSessions } from '../tokens/end-all-sessions.js';
import type { EndSession } from '../tokens/end-session.js';
import type { IdentifySession } from '../tokens/identify-session.js';
import type { IssuedSession } from '../tokens/issued-session.js';
import type { RefreshSession } from '../tokens/refresh-session.js';
import type { StartSession } from '../tokens/start-session.js';
import { createCheckCookieOrigin } from './check-cookie-origin.js';
import type { HttpServer } from './create-server.js';
import { createFindCredential } from './find-credential.js';
import { addJwksRoute } from './jwks-route.js';
import { originOf } from './origin-of.js';
import { clearRefreshCookie, readRefreshCookie, setRefreshCookie } from './refresh-cookie.js';
import { LoginBody, RefreshTokenBody } from './schemas.js';

export interface PublicRouteDeps {
  authenticate: Authenticate;
  startSession: StartSession;
  refreshSession: RefreshSession;
  identifySession: IdentifySession;
  endSession: EndSession;
  endAllSessions: EndAllSessions;
  keys: Live<KeyRing>;
  allowedOrigins: readonly string[];
}

/** What the gateway's routes forward to (design 4.10). */
export async function addPublicRoutes(app: HttpServer, deps: PublicRouteDeps): Promise<void> {
  const checkCookieOrigin = createCheckCookieOrigin(deps.allowedOrigins);
  const credentials = createFindCredential({ checkCookieOrigin, identifySession: deps.identifySession });
  await app.register(fastifyCookie);

  app.post('/auth/login', { schema: { body: LoginBody } }, async (request, reply) => {
    const { email, password, delivery = 'body' } = request.body;
    if (delivery === 'cookie') checkCookieOrigin(request);
    const account = await deps.authenticate({ email, password });
    return sendTokens(reply, await deps.startSession(account), delivery);
  });

  const withOptionalBody = { schema: { body: RefreshTokenBody }, preValidation: bodyMayBeLeftOut };

  app.post('/auth/refresh', withOptionalBody, async (request, reply) => {
    const { refreshToken, delivery } = credentials.refreshToken(request, request.body.refresh_token);
    return sendTokens(reply, await deps.refreshSession(refreshToken, originOf(request)), delivery);
  });

  app.post('/auth/logout', withOptionalBody, async (request, reply) => {
    const session = await credentials.session(request, request.body.refresh_token);
    return sendEnding(request, reply, await deps.endSession(session, 'logout', originOf(request)));
  });

  app.post('/auth/logout-all', withOptionalBody, async (request, reply) => {
    const session = await credentials.session(request, request.body.refresh_token);
    return sendEnding(request, reply, await deps.endAllSessions(session, originOf(request)));
  });

  addJwksRoute(app, deps.keys);
}

/** A call by cookie or bearer has nothing to put in a body. A `null` is a body. */
async function bodyMayBeLeftOut(request: FastifyRequest): Promise<void> {
  if (request.body === undefined) request.body = {};
}

function sendTokens(reply: FastifyReply, issued: IssuedSession, delivery: 'body' | 'cookie'): FastifyReply {
  const response: TokenResponse = {
    access_token: issued.accessToken,
    token_type: 'Bearer',
    expires_in: issued.expiresInS,
    ...(delivery === 'body' && { refresh_token: issued.refreshToken }),
    session_id: issued.sessionId,
  };
  if (delivery === 'cookie') setRefreshCookie(reply, issued.refreshToken, issued.refreshExpiresInS);
  return reply.header('cache-control', 'no-store').send(response);
}

/** 200 when no gateway lets the session's tokens through any more, 202 when that is under way (design 4.4). */
function sendEnding(request: FastifyRequest, reply: FastifyReply, ending: Ending): FastifyReply {
  const response: LogoutResponse = ending === 'revoked' ? { revoked: true } : { pending: true };
  if (readRefreshCookie(request) !== undefined) clearRefreshCookie(reply);
  return reply
    .code(ending === 'revoked' ? 200 : 202)
    .header('cache-control', 'no-store')
    .send(response);
}
