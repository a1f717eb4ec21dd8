import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { REFRESH_COOKIE } from '../../contracts/auth-api.js';
import { parseRefreshToken } from '../tokens/refresh-token.js';

/** What the `__Host-` prefix demands (RFC 6265bis section 4.1.3.2), out of reach of scripts and of other sites. */
const ATTRIBUTES: CookieSerializeOptions = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' };

export function setRefreshCookie(reply: FastifyReply, refreshToken: string, maxAgeS: number): void {
  reply.setCookie(REFRESH_COOKIE, refreshToken, { ...ATTRIBUTES, maxAge: maxAgeS });
}

export function clearRefreshCookie(reply: FastifyReply): void {
  reply.clearCookie(REFRESH_COOKIE, ATTRIBUTES);
}

/** Whether the cookie that came along belongs to this session; another one is left alone. */
export function isCookieOf(request: FastifyRequest, sessionId: string): boolean {
  const cookie = readRefreshCookie(request);
  return cookie !== undefined && parseRefreshToken(cookie)?.familyId === sessionId;
}

export function readRefreshCookie(request: FastifyRequest): string | undefined {
  return request.cookies[REFRESH_COOKIE];
}
