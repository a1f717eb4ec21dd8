import { Server } from 'node:https';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest, preHandlerHookHandler } from 'fastify';
import type { Identity } from '../contracts/identity-headers.js';
import { Problem, problemHeaders } from '../contracts/problem.js';
import { problemBody } from '../contracts/problem-codes.js';
import { acceptOnlyGateway, gatewayCheck } from './accept-only-gateway.js';
import { isInjected } from './injected.js';
import { IdentityError, readIdentity } from './read-identity.js';
import type { GatewayOptions, NotTheGatewayError } from './require-gateway.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller as the gateway verified it. Set by `gatehouseIdentity`. */
    identity: Identity;
  }
  interface FastifyContextConfig {
    /** The route takes requests without identity headers, such as the gateway's own health probes. */
    withoutIdentity?: boolean;
  }
}

const ANONYMOUS: Identity = Object.freeze({ kind: 'anonymous', scopes: [], roles: [] });

/**
 * Fastify plugin: connections from the gateway only, and `request.identity` on every request. Register it before any
 * route: `await app.register(gatehouseIdentity)`. Needs an `https` server (`gatewayServerOptions`) of HTTP/1.1.
 *
 * Other peers get 403 `gateway_required` before any handler or upgrade listener runs, unreadable identity headers 403
 * `identity_invalid`. A route with `config: { withoutIdentity: true }` does not read them and sees `anonymous`.
 */
export const gatehouseIdentity: FastifyPluginCallback<GatewayOptions> = (app, options, done) => {
  const server: unknown = app.server;
  if (!isHttpsServer(server)) {
    done(
      new TypeError(
        "gatehouseIdentity needs an https server: pass gatewayServerOptions() as Fastify's `https`",
      ),
    );
    return;
  }
  const onRefused = ({ message, peer }: NotTheGatewayError): void =>
    app.log.warn({ peer }, `refused: ${message}`);
  acceptOnlyGateway(server, { ...options, onRefused });

  // Not the connection alone: `inject` and a second binding of Fastify's come by no connection that was checked.
  const isGateway = gatewayCheck({ ...options, onRefused });
  app.decorateRequest('identity');
  app.addHook('onRequest', (request, reply, next) => {
    if (!isGateway(request.raw.socket) && !isInjected(request.raw.socket)) {
      refuse(reply.header('connection', 'close'), new Problem('gateway_required'));
      return;
    }
    try {
      request.identity = identityOf(request);
    } catch (error) {
      if (!(error instanceof IdentityError)) return next(error as Error);
      request.log.warn({ header: error.header, reason: error.reason }, 'refused: identity headers');
      refuse(reply, new Problem('identity_invalid'));
      return;
    }
    next();
  });
  done();
};

// What the fastify-plugin package would set: hooks and decorators hold for the whole app, not for a child of it.
Object.assign(gatehouseIdentity, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'gatehouse-identity',
});

/** `preHandler` for a route: 403 `insufficient_scope` unless the caller has every one of these scopes. */
export function requireScope(...scopes: [string, ...string[]]): preHandlerHookHandler {
  return (request, reply, next) => {
    if (scopes.every((scope) => request.identity.scopes.includes(scope))) next();
    else refuse(reply, new Problem('insufficient_scope', { scope: scopes.join(' ') }));
  };
}

const isHttpsServer = (server: unknown): server is Server => server instanceof Server;

function identityOf(request: FastifyRequest): Identity {
  return request.routeOptions.config.withoutIdentity === true
    ? ANONYMOUS
    : readIdentity(request.raw.rawHeaders);
}

function refuse(reply: FastifyReply, problem: Problem): void {
  void reply
    .code(problem.status)
    .headers(problemHeaders(problem))
    .type('application/problem+json')
    .send(Buffer.from(JSON.stringify(problemBody(problem.code, reply.request.id)))); // a string would get a charset
}
