import { Problem } from '../../contracts/problem.js';
import { addIdentityHeaders } from './add-identity-headers.js';
import { answerOwnPath } from './answer-own-path.js';
import { answerPreflight, matchPreflight } from './answer-preflight.js';
import { answerRoute } from './answer-route.js';
import { checkBodyOnGet } from './check-body-on-get.js';
import { checkUpgradeOrigin } from './check-origin.js';
import { checkUpstreamProtocol } from './check-upstream-protocol.js';
import { type Decision, decideCaller } from './decide-caller.js';
import { limitRate } from './limit-rate.js';
import { locate, matchRoute } from './match-route.js';
import { mirrorRequest } from './mirror-request.js';
import { offerSchemes } from './offer-schemes.js';
import type { AccessEnd, Exchange, Forwarded, GatewayPorts } from './ports.js';
import { receive } from './receive.js';
import { rewritePath } from './rewrite-path.js';
import { shedLoad } from './shed-load.js';
import type { Forwardable, HeaderList, Routed } from './states.js';
import { stripReservedHeaders } from './strip-reserved-headers.js';

const NO_HEADERS: HeaderList = [];

/**
 * THE FLOW of one request, top to bottom. One snapshot is taken at the start, so that a reload never mixes versions
 * within a request. A stage that refuses throws a Problem; nothing reaches the upstream before `forward`.
 */
export async function handleRequest(exchange: Exchange, gateway: GatewayPorts): Promise<void> {
  const startedAt = gateway.monotonic();
  let routed: Routed | undefined;
  let decision: Decision | undefined;
  let forwarded: Forwarded;
  try {
    const received = receive(exchange.request, gateway.snapshot(), gateway.now());
    const stripped = stripReservedHeaders(received);
    const located = locate(stripped);
    checkBodyOnGet(located);
    const own = answerOwnPath(located, gateway.assertions);
    const preflight = own === undefined ? matchPreflight(located) : undefined;
    if (own !== undefined) {
      forwarded = exchange.answer(own, NO_HEADERS);
    } else if (preflight !== undefined) {
      routed = preflight;
      forwarded = exchange.answer(answerPreflight(preflight), preflight.responseHeaders);
    } else {
      routed = matchRoute(located);
      shedLoad(routed, gateway.load);
      checkUpgradeOrigin(routed);
      const decided = decideCaller(routed, gateway);
      decision = decided instanceof Promise ? await decided : decided;
      const admitted = limitRate(decision.authorized, gateway.rateLimiter);
      routed = admitted;
      const answer = answerRoute(admitted);
      if (answer !== undefined) {
        forwarded = exchange.answer(answer, admitted.responseHeaders);
      } else {
        const addressed = checkUpstreamProtocol(rewritePath(admitted));
        const forwardable = addIdentityHeaders(addressed, gateway.assertions);
        exchange.transfer.handedAt = gateway.monotonic();
        const forwarding = forwardWhileAllowed(forwardable, exchange, gateway);
        mirrorRequest(addressed, exchange, gateway);
        forwarded = await forwarding;
      }
    }
  } catch (error) {
    forwarded = refuse(exchange, error, routed);
  }
  gateway.record({
    request: exchange.request,
    route: routed?.route,
    status: forwarded.status,
    problem: forwarded.problem,
    cut: forwarded.cut,
    decided: decision !== undefined,
    reported: decision?.reported,
    issuer: decision?.issuer ?? forwarded.problem?.issuer,
    subject: decision?.authorized.identity.subject,
    stale: decision?.stale ?? false,
    transfer: exchange.transfer,
    startedAt,
    endedAt: gateway.monotonic(),
  });
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
  let ended: AccessEnd | undefined;
  const cut = (why: AccessEnd): void => {
    ended = why;
    exchange.cut(why);
  };
  const unwatch = gateway.openRequests.watch({ token, endsAtMs, cut });
  try {
    const forwarded = await exchange.forward(forwardable);
    return ended === undefined ? forwarded : { ...forwarded, cut: ended };
  } finally {
    unwatch();
  }
}

function refuse(exchange: Exchange, error: unknown, routed: Routed | undefined): Forwarded {
  const problem = error instanceof Problem ? error : new Problem('internal_error', { cause: error });
  exchange.refuse(offerSchemes(problem, routed), routed?.responseHeaders ?? NO_HEADERS);
  return { status: problem.status, problem };
}
