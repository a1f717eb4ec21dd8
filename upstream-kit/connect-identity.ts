import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../contracts/identity-headers.js';
import { Problem, problemHeaders } from '../contracts/problem.js';
import { problemBody } from '../contracts/problem-codes.js';
import { gatewayCheck } from './accept-only-gateway.js';
import { isInjected } from './injected.js';
import { IdentityError, type IdentityErrorReason, readIdentity } from './read-identity.js';
import type { GatewayOptions, NotTheGatewayError } from './require-gateway.js';

declare module 'node:http' {
  interface IncomingMessage {
    /** The caller as the gateway verified it. Set by `gatehouseMiddleware`. */
    identity?: Identity;
  }
}

export interface MiddlewareOptions extends GatewayOptions {
  /** Told of each request that was refused: of a connection that is not the gateway's, or of a header; never of values. */
  onRefused?: (why: NotTheGatewayError | { header: string; reason: IdentityErrorReason }) => void;
}

/** As Express, Connect, Polka and others call it. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * For Express and whatever else takes Connect's middleware, on an `https` server made with `gatewayServerOptions`. Use it
 * before everything else: 403 `gateway_required` or `identity_invalid`, or `request.identity` is set. Upgrades do not pass
 * through middleware: use `acceptOnlyGateway` on the server as well.
 */
export function gatehouseMiddleware(options: MiddlewareOptions = {}): Middleware {
  const { onRefused } = options;
  const isGateway = gatewayCheck(options);
  return (request, response, next) => {
    if (!isGateway(request.socket) && !isInjected(request.socket)) {
      response.setHeader('connection', 'close');
      refuse(request, response, new Problem('gateway_required'));
      return;
    }
    try {
      request.identity = readIdentity(request.rawHeaders);
    } catch (error) {
      if (!(error instanceof IdentityError)) return next(error);
      onRefused?.(error);
      refuse(request, response, new Problem('identity_invalid'));
      return;
    }
    next();
  };
}

/** For a route: 403 `insufficient_scope` unless the caller has every one of these scopes. */
export function requireScopes(...scopes: [string, ...string[]]): Middleware {
  return (request, response, next) => {
    if (scopes.every((scope) => request.identity?.scopes.includes(scope) === true)) next();
    else refuse(request, response, new Problem('insufficient_scope', { scope: scopes.join(' ') }));
  };
}

function refuse({ headers }: IncomingMessage, response: ServerResponse, problem: Problem): void {
  const body = JSON.stringify(problemBody(problem.code, String(headers['x-request-id'] ?? '')));
  const always = { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body) };
  response.writeHead(problem.status, { ...problemHeaders(problem), ...always }).end(body);
}
