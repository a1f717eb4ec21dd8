import type { FastifyReply } from 'fastify';
import type { Delivery, TokenResponse } from '../../contracts/auth-api.js';
import type { Ending } from '../revocation/await-published.js';
import type { IssuedSession } from '../tokens/issued-session.js';
import { setDeviceCookie } from './device-cookie.js';
import { setRefreshCookie } from './refresh-cookie.js';

/** With a device token when a session has just begun. */
export function sendTokens(
  reply: FastifyReply,
  issued: IssuedSession,
  { delivery, deviceToken }: { delivery: Delivery; deviceToken?: string },
): FastifyReply {
  const response: TokenResponse = {
    access_token: issued.accessToken,
    token_type: issued.isDpop ? 'DPoP' : 'Bearer',
    expires_in: issued.expiresInS,
    ...(delivery === 'body' && { refresh_token: issued.refreshToken }),
    session_id: issued.sessionId,
  };
  if (delivery === 'cookie') setRefreshCookie(reply, issued.refreshToken, issued.refreshExpiresInS);
  if (deviceToken !== undefined) setDeviceCookie(reply, deviceToken);
  return reply.header('cache-control', 'no-store').send(response);
}

/** 200 when no gateway lets the tokens through any more, 202 when that is under way (design 4.4). */
export function sendEnding(reply: FastifyReply, ending: Ending, more: object = {}): FastifyReply {
  return reply
    .code(ending === 'revoked' ? 200 : 202)
    .header('cache-control', 'no-store')
    .send({ ...more, ...(ending === 'revoked' ? { revoked: true } : { pending: true }) });
}
