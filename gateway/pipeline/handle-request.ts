import { Problem } from '../../contracts/problem.js';
import { addIdentityHeaders } from './add-identity-headers.js';
import { authorize, authorizeAnyone } from './authorize.js';
import { checkRevocation } from './check-revocation.js';
import { extractCredential } from './extract-credential.js';
import { limitRate } from './limit-rate.js';
import { isProtected, matchRoute } from './match-route.js';
import type { Exchange, Forwarded, GatewayPorts } from './ports.js';
import { receive } from './receive.js';
import type { Authorized, Forwardable, Routed } from './states.js';
import { stripReservedHeaders } from './strip-reserved-headers.js';
import { verifyToken } from './verify-token.js';

/**
 * THE FLOW of one request, top to bottom. One snapshot is taken at the start, so that a reload never mixes versions
 * within a request. A stage that refuses throws a Problem; nothing reaches the upstream before `forward`.
 */
export async function handleRequest(exchange: Exchange, gateway: GatewayPorts): Promise<void> {
  const receivedAt = gateway.now();
  let routed: Routed | undefined;
  let forwarded: Forwarded;
  try {
    const received = receive(exchange.request, gateway.snapshot(), receivedAt);
    const stripped = stripReservedHeaders(received);
    routed = matchRoute(stripped);
    const authorized = await authorizeCaller(routed, gateway);
    const admitted = limitRate(authorized, gateway.rateLimiter);
    const forwardable = addIdentityHeaders(admitted);
    forwarded = await forwardWhileAllowed(forwardable, exchange, gateway);
  } catch (error) {
    forwarded = refuse(exchange, error);
  }
  gateway.record({
    requestId: exchange.request.id,
    method: exchange.request.method,
    route: routed?.route.id,
    upstream: routed?.route.upstream,
    status: forwarded.status,
    problem: forwarded.problem,
    durationMs: gateway.now() - receivedAt,
  });
}

/** Who is calling, and whether they may. Public routes are another type of route and take no credential. */
async function authorizeCaller(routed: Routed, gateway: GatewayPorts): Promise<Authorized> {
  if (!isProtected(routed)) return authorizeAnyone(routed);
  const presented = extractCredential(routed);
  const verified = await verifyToken(presented, gateway.verifiedTokens);
  const unrevoked = await checkRevocation(verified, gateway.revocations);
  return authorize(unrevoked);
}

/** A request that outlives its caller's access is cut off: streams and WebSockets can last for days. */
async function forwardWhileAllowed(
  forwardable: Forwardable,
  exchange: Exchange,
  gateway: GatewayPorts,
): Promise<Forwarded> {
  const { token, identity } = forwardable;
  if (token === undefined) return exchange.forward(forwardable);
  // The token behind an API key is renewed all the time; only a revocation ends the key.
  const endsAtMs = identity.kind === 'api-key' ? Number.POSITIVE_INFINITY : token.expiresAt * 1000;
  const unwatch = gateway.openRequests.watch({ token, endsAtMs, cut: () => exchange.cut() });
  try {
    return await exchange.forward(forwardable);
  } finally {
    unwatch();
  }
}

function refuse(exchange: Exchange, error: unknown): Forwarded {
  const problem = error instanceof Problem ? error : new Problem('internal_error', { cause: error });
  exchange.refuse(problem);
  return { status: problem.status, problem };
}
