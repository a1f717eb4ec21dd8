import type { ExplainedStep } from '../../../contracts/admin-explain.js';
import { showSize } from '../../../kit/units.js';
import { addIdentityHeaders } from '../add-identity-headers.js';
import { answerOwnPath } from '../answer-own-path.js';
import { answerPreflight, matchPreflight } from '../answer-preflight.js';
import { answerRoute } from '../answer-route.js';
import { checkBodyOnGet } from '../check-body-on-get.js';
import { checkDeclaredLength } from '../check-declared-length.js';
import { checkUpgradeOrigin } from '../check-origin.js';
import { checkUpstreamProtocol } from '../check-upstream-protocol.js';
import { headerValues } from '../headers.js';
import { limitRate } from '../limit-rate.js';
import { locate, matchRoute } from '../match-route.js';
import type { GatewayPorts } from '../ports.js';
import { receive } from '../receive.js';
import { rewritePath } from '../rewrite-path.js';
import type { Route } from '../route.js';
import { shedLoad } from '../shed-load.js';
import type { InboundRequest, Located, Routed, Stripped } from '../states.js';
import { stripReservedHeaders } from '../strip-reserved-headers.js';
import { type CallerOptions, explainCaller } from './explain-caller.js';
import { rateLimitFacts } from './explain-rate-limit.js';
import { listed } from './phrases.js';
import { Trace } from './trace.js';

/** How far the request came. */
export interface ExplainedSteps {
  steps: ExplainedStep[];
  stripped?: Stripped;
  located?: Located;
  routed?: Routed;
}

/** The stages of `handle-request.ts` one after the other, with what each looks for and what it finds. */
export async function explainSteps(
  request: InboundRequest,
  gateway: GatewayPorts,
  options: CallerOptions,
): Promise<ExplainedSteps> {
  const trace = new Trace();
  const told: ExplainedSteps = { steps: trace.steps };
  try {
    await runStages(request, gateway, options, trace, told);
  } catch {
    // It is in the trace, as the step that failed.
  }
  return told;
}

async function runStages(
  request: InboundRequest,
  gateway: GatewayPorts,
  options: CallerOptions,
  trace: Trace,
  told: ExplainedSteps,
): Promise<void> {
  const snapshot = gateway.snapshot();
  const hosts = snapshot.hosts === undefined ? 'any host' : listed([...snapshot.hosts]);
  const received = trace.step(
    'request',
    {
      expected: `a well-formed request to ${hosts}`,
      found: `${request.method}, Host ${listed(headerValues(request.headers, 'host'))}`,
    },
    () => receive(request, snapshot, gateway.now()),
  );
  const stripped = trace.step('header names', { expected: 'no look-alike of a reserved name' }, () =>
    stripReservedHeaders(received),
  );
  told.stripped = stripped;
  const located = trace.step('path', { expected: 'a path that every server reads the same way' }, () =>
    locate(stripped),
  );
  told.located = located;
  if (located.hasBody && ['GET', 'HEAD'].includes(request.method))
    trace.step('body on GET', { expected: 'a route with body_on_get: allow', found: 'a body' }, () =>
      checkBodyOnGet(located),
    );
  const own = trace.step('own paths', { found: located.path }, () =>
    answerOwnPath(located, gateway.assertions),
  );
  if (own !== undefined) return;
  const preflight = matchPreflight(located);
  if (preflight !== undefined) {
    told.routed = preflight;
    const found = listed(headerValues(request.headers, 'origin'));
    trace.step('preflight', { expected: 'a page that the route\u2019s CORS lists', found }, () =>
      answerPreflight(preflight),
    );
    return;
  }
  const routed = trace.step('route', { found: `${request.method} ${located.path}` }, () =>
    matchRoute(located),
  );
  told.routed = routed;
  trace.step('load', { expected: `room for ${routed.route.priority} priority`, found: 'not looked at' }, () =>
    shedLoad(routed, gateway.load),
  );
  if (request.isUpgrade) {
    const found = listed(headerValues(request.headers, 'origin'));
    trace.step('WebSocket origin', { expected: expectedOrigin(routed.route), found }, () =>
      checkUpgradeOrigin(routed),
    );
  }
  const authorized = await explainCaller(routed, gateway, options, trace);
  const admitted = trace.step('rate limit', rateLimitFacts(authorized), () =>
    limitRate(authorized, gateway.rateLimiter),
  );
  if (routed.route.kind !== 'forward') {
    trace.step(routed.route.kind, { found: String(routed.route.answer.status) }, () => answerRoute(admitted));
    return;
  }
  const addressed = trace.step(
    'upstream path',
    { expected: 'one that every server reads the same way' },
    () => rewritePath(admitted),
  );
  const { upstreamProtocol } = addressed.route;
  if (request.isUpgrade || request.isGrpc === true) {
    const expected = request.isUpgrade ? 'http1 for a WebSocket' : 'http2 for gRPC';
    trace.step('upstream protocol', { expected, found: upstreamProtocol }, () =>
      checkUpstreamProtocol(addressed),
    );
  }
  const forwardable = trace.step('identity headers', { expected: 'at most 8 KiB' }, () =>
    addIdentityHeaders(addressed, gateway.assertions),
  );
  if (request.isUpgrade) return;
  const [length = 'none declared'] = headerValues(request.headers, 'content-length');
  trace.step('body', { expected: `at most ${showSize(forwardable.route.maxBodyBytes)}`, found: length }, () =>
    checkDeclaredLength(forwardable),
  );
}

const expectedOrigin = ({ origins }: Route): string =>
  origins === undefined ? 'none, or the host itself' : `none, or one of ${listed([...origins])}`;
