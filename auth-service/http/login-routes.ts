import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Delivery } from '../../contracts/auth-api.js';
import type { Authenticate, Authenticated } from '../accounts/authenticate.js';
import type { Register } from '../accounts/register.js';
import type { Origin } from '../stores/audit.js';
import type { StartSession } from '../tokens/start-session.js';
import type { CheckCookieOrigin } from './check-cookie-origin.js';
import type { HttpServer } from './create-server.js';
import { readDeviceCookie } from './device-cookie.js';
import { originOf } from './origin-of.js';
import { LoginBody, RegisterBody } from './schemas.js';
import { sendTokens } from './send-tokens.js';

export interface LoginRouteDeps {
  authenticate: Authenticate;
  /** Left out where nobody may make an account for themselves. */
  register: Register | undefined;
  startSession: StartSession;
  checkCookieOrigin: CheckCookieOrigin;
}

/** What begins a session. Expects @fastify/cookie. */
export function addLoginRoutes(app: HttpServer, deps: LoginRouteDeps): void {
  const { authenticate, register, startSession, checkCookieOrigin } = deps;

  async function begin(
    request: FastifyRequest,
    reply: FastifyReply,
    delivery: Delivery,
    prove: (origin: Origin) => Promise<Authenticated>,
  ): Promise<FastifyReply> {
    if (delivery === 'cookie') checkCookieOrigin(request);
    const origin = originOf(request);
    const { account, deviceToken } = await prove(origin);
    return sendTokens(reply, await startSession(account, origin), { delivery, deviceToken });
  }

  app.post('/auth/login', { schema: { body: LoginBody } }, (request, reply) => {
    const { email, password, delivery = 'body' } = request.body;
    const deviceToken = readDeviceCookie(request);
    return begin(request, reply, delivery, (origin) =>
      authenticate({ email, password, deviceToken }, origin),
    );
  });

  if (register === undefined) return;
  app.post('/auth/register', { schema: { body: RegisterBody } }, (request, reply) => {
    const { email, password, delivery = 'body' } = request.body;
    return begin(request, reply.code(201), delivery, (origin) => register({ email, password }, origin));
  });
}
