import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DEVICE_COOKIE } from '../../contracts/auth-api.js';
import { DEVICE_TOKEN_MAX_AGE_S } from '../accounts/device-token.js';

const ATTRIBUTES: CookieSerializeOptions = {
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'strict',
  maxAge: DEVICE_TOKEN_MAX_AGE_S,
};

/** Set by each login, whatever its delivery: it is no credential, and a client that keeps no cookies loses nothing. */
export function setDeviceCookie(reply: FastifyReply, deviceToken: string): void {
  reply.setCookie(DEVICE_COOKIE, deviceToken, ATTRIBUTES);
}

export function readDeviceCookie(request: FastifyRequest): string | undefined {
  return request.cookies[DEVICE_COOKIE];
}
