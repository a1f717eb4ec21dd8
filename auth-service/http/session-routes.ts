import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { SessionList } from '../../contracts/auth-api.js';
import { Problem } from '../../contracts/problem.js';
import type { ChangePassword } from '../accounts/change-password.js';
import type { PasswordResets } from '../accounts/reset-password.js';
import { describeDevice } from '../tokens/describe-device.js';
import type { EndOwnSession } from '../tokens/end-own-session.js';
import type { Family } from '../tokens/family.js';
import type { ListSessions } from '../tokens/list-sessions.js';
import type { LiveSession, RequireSession } from '../tokens/require-session.js';
import { bearerToken } from './bearer-token.js';
import { setDeviceCookie } from './device-cookie.js';
import type { HttpServer } from './http-server.js';
import { originOf } from './origin-of.js';
import type { ProveKey } from './prove-key.js';
import { clearRefreshCookie, isCookieOf } from './refresh-cookie.js';
import { PasswordChangeBody, PasswordResetBody } from './schemas.js';
import { sendEnding } from './send-tokens.js';

export interface SessionRouteDeps {
  requireSession: RequireSession;
  proveKey: ProveKey;
  listSessions: ListSessions;
  endOwnSession: EndOwnSession;
  changePassword: ChangePassword;
  passwordResets: PasswordResets;
  /** A device token for an account, when it has just been proved to be somebody's. */
  issueDeviceToken: (email: string) => string;
}

/**
 * What people do to their own account. They show an access token, never the cookie alone: the browser adds no Origin to
 * a GET, by which a call could be told from another site's.
 */
export function addSessionRoutes(app: HttpServer, deps: SessionRouteDeps): void {
  const sessionOf = async (request: FastifyRequest): Promise<LiveSession> => {
    const { authorization } = request.headers;
    if (authorization === undefined) throw new Problem('credentials_missing');
    const token = bearerToken(authorization);
    return deps.requireSession(token, await deps.proveKey(request, token));
  };

  app.get('/auth/sessions', async (request, reply) => {
    const asking = await sessionOf(request);
    const families = await deps.listSessions(asking);
    return reply.header('cache-control', 'no-store').send(sessionList(families, asking.family.id));
  });

  const withId = { schema: { params: Type.Object({ id: Type.String() }) } };
  app.delete('/auth/sessions/:id', withId, async (request, reply) => {
    const asking = await sessionOf(request);
    const { id } = request.params;
    const ending = await deps.endOwnSession(asking, id, originOf(request));
    if (isCookieOf(request, id)) clearRefreshCookie(reply);
    return sendEnding(reply, ending);
  });

  app.post('/auth/password', { schema: { body: PasswordChangeBody } }, async (request, reply) => {
    const session = await sessionOf(request);
    const { current_password: currentPassword, new_password: newPassword } = request.body;
    const change = { currentPassword, newPassword };
    return sendEnding(reply, await deps.changePassword(session, change, originOf(request)), {
      changed: true,
    });
  });

  app.post('/auth/password/reset', { schema: { body: PasswordResetBody } }, async (request, reply) => {
    const { token, new_password: newPassword } = request.body;
    const { account, ending } = await deps.passwordResets.use({ token, newPassword }, originOf(request));
    // Who had the link gets in even while somebody else guesses at the account.
    setDeviceCookie(reply, deps.issueDeviceToken(account.email));
    return sendEnding(reply, ending, { changed: true });
  });
}

function sessionList(families: readonly Family[], currentId: string): SessionList {
  return {
    sessions: families.map((family) => ({
      id: family.id,
      client_id: family.clientId,
      device: describeDevice(family.lastUserAgent),
      ip: family.lastIp ?? null,
      created_at: new Date(family.createdAtMs).toISOString(),
      last_used_at: new Date(family.lastUsedAtMs).toISOString(),
      current: family.id === currentId,
    })),
  };
}
