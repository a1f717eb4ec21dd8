import type { FastifyReply, FastifyRequest } from 'fastify';
import { FIRST_PARTY_CLIENT_ID } from '../../contracts/access-token.js';
import type { Delivery } from '../../contracts/auth-api.js';
import { Problem } from '../../contracts/problem.js';
import type { Authenticate, Authenticated } from '../accounts/authenticate.js';
import type { Register } from '../accounts/register.js';
import type { Origin } from '../stores/audit.js';
import type { StartSession } from '../tokens/start-session.js';
import type { CheckCookieOrigin } from './check-cookie-origin.js';
import { readDeviceCookie } from './device-cookie.js';
import type { HttpServer } from './http-server.js';
import type { ClientFields, LoginTerms } from './login-terms.js';
import { originOf } from './origin-of.js';
import { LoginBody, RegisterBody } from './schemas.js';
import { sendTokens } from './send-tokens.js';

export interface LoginRouteDeps {
  authenticate: Authenticate;
  /** Left out where nobody may make an account for themselves. */
  register: Register | undefined;
  startSession: StartSession;
  loginTerms: LoginTerms;
  checkCookieOrigin: CheckCookieOrigin;
}

/** What begins a session. Expects @fastify/cookie. */
export function addLoginRoutes(app: HttpServer, deps: LoginRouteDeps): void {
  const { authenticate, register, startSession, loginTerms, checkCookieOrigin } = deps;

  async function begin(
    request: FastifyRequest,
    reply: FastifyReply,
    { delivery = 'body', ...fields }: ClientFields & { delivery?: Delivery },
    prove: (origin: Origin) => Promise<Authenticated>,
  ): Promise<FastifyReply> {
    if (delivery === 'cookie') checkCookieOrigin(request);
    const origin = originOf(request);
    const terms = await loginTerms(request, fields);
    // A browser's cookie goes to the first-party endpoints, which could not refresh such a session.
    if (delivery === 'cookie' && terms.clientId !== FIRST_PARTY_CLIENT_ID)
      throw new Problem('request_invalid');
    const { account, deviceToken } = await prove(origin);
    return sendTokens(reply, await startSession(account, origin, terms), { delivery, deviceToken });
  }

  app.post('/auth/login', { schema: { body: LoginBody } }, (request, reply) => {
    const { email, password, ...rest } = request.body;
    const deviceToken = readDeviceCookie(request);
    return begin(request, reply, rest, (origin) => authenticate({ email, password, deviceToken }, origin));
  });

  if (register === undefined) return;
  app.post('/auth/register', { schema: { body: RegisterBody } }, (request, reply) => {
    const { email, password, ...rest } = request.body;
    return begin(request, reply.code(201), rest, (origin) => register({ email, password }, origin));
  });
}
