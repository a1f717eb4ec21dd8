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
import type { Exchange, Forwarded, GatewayPorts } from './ports.js';
import { receive } from './receive.js';
import { rewritePath } from './rewrite-path.js';
import { shedLoad } from './shed-load.js';
import type { HeaderList, Routed } from './states.js';
import { stripReservedHeaders } from './strip-reserved-headers.js';
import { watchAccess } from './watch-access.js';

const NO_HEADERS: HeaderList = [];

/**
 * THE FLOW of one request, top to bottom. One snapshot is taken at the start, so that a reload never mixes versions
 * within a request. A stage that refuses throws a Problem; nothing reaches the upstream before `forward`.
 */
export async function handleRequest(exchange: Exchange, gateway: GatewayPorts): Promise<void> {
  const startedAt = gateway.monotonic();
  gateway.open.requests += 1;
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
        const access = watchAccess(forwardable, exchange, gateway.openRequests);
        try {
          const forwarding = exchange.forward(forwardable);
          mirrorRequest(addressed, exchange, gateway);
          forwarded = await forwarding;
        } finally {
          access?.leave();
        }
        if (access?.ended !== undefined) forwarded = { ...forwarded, cut: access.ended };
      }
    }
  } catch (error) {
    forwarded = refuse(exchange, error, routed);
  } finally {
    gateway.open.requests -= 1;
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

function refuse(exchange: Exchange, error: unknown, routed: Routed | undefined): Forwarded {
  const problem = error instanceof Problem ? error : new Problem('internal_error', { cause: error });
  exchange.refuse(offerSchemes(problem, routed), routed?.responseHeaders ?? NO_HEADERS);
  return { status: problem.status, problem };
}
