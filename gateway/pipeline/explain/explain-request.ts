import type { ExplainRequest, Explanation, Verdict } from '../../../contracts/admin-explain.js';
import { Problem } from '../../../contracts/problem.js';
import { checkDeclaredLength } from '../check-declared-length.js';
import { handleRequest } from '../handle-request.js';
import { cookieValues, headerValues } from '../headers.js';
import {
  type Exchange,
  type Forwarded,
  type GatewayPorts,
  newTransfer,
  type Outcome,
  type OwnAnswer,
} from '../ports.js';
import type { Forwardable, InboundRequest, Routed } from '../states.js';
import { assumeCaller } from './assume-caller.js';
import { candidates } from './candidates.js';
import { explainHeaders } from './explain-headers.js';
import { type ExplainedUpstream, explainRoute } from './explain-route.js';
import { explainSteps } from './explain-steps.js';
import type { KeySetAge } from './explain-token.js';
import { hideSecrets } from './hide-secrets.js';
import { inboundRequest, type ListenerFacts } from './inbound-request.js';
import { quietPorts } from './quiet-ports.js';

/** What explaining needs besides the pipeline's own ports, which it neither changes nor counts in. */
export interface ExplainDeps {
  mode: Explanation['mode'];
  gateway: GatewayPorts;
  listener: ListenerFacts;
  keySetAge: KeySetAge;
  /** An upstream by its name. */
  upstreamOf(name: string): ExplainedUpstream;
}

/**
 * What would become of a request. The verdict is the pipeline's own: it runs as ever, with a forward that does nothing
 * and a limiter that does not count. The steps are for people, and say how it came to that.
 */
export async function explainRequest(asked: ExplainRequest, deps: ExplainDeps): Promise<Explanation> {
  const gateway = quietPorts(deps.gateway);
  const request = inboundRequest(asked, deps.listener);
  const assumed =
    asked.as === undefined ? undefined : assumeCaller(asked.as, request, gateway.snapshot(), gateway.now());
  const ports: GatewayPorts =
    assumed === undefined
      ? gateway
      : {
          ...gateway,
          snapshot: () => assumed.snapshot,
          verifiedTokens: assumed.verifiedTokens,
          apiKeys: assumed.apiKeys,
        };
  const decided = await decide(assumed?.request ?? request, ports);
  const told = await explainSteps(decided.request, ports, {
    mode: deps.mode,
    as: asked.as,
    keySetAge: deps.keySetAge,
  });
  const { routed, located, stripped } = told;
  const snapshot = deps.gateway.snapshot();
  const path = located?.path ?? null;
  const explanation: Explanation = {
    mode: deps.mode,
    config: snapshot.version,
    request: {
      method: request.method,
      host: headerValues(request.headers, 'host')[0] ?? null,
      path,
      query: located?.query ?? '',
    },
    verdict: verdictOf(decided),
    route:
      routed === undefined
        ? null
        : explainRoute(routed, decided.forwardable, upstreamOf(routed.route.upstream, deps)),
    candidates: located === undefined ? [] : candidates(located, routed?.route),
    steps: told.steps,
    headers: explainHeaders(request.headers, stripped?.headers, decided.forwardable),
  };
  return hideSecrets(explanation, secretsOf(request, asked, routed));
}

const upstreamOf = (upstream: string | undefined, deps: ExplainDeps): ExplainedUpstream =>
  upstream === undefined ? { targets: [], settings: {} } : deps.upstreamOf(upstream);

interface Decided {
  request: InboundRequest;
  forwardable: Forwardable | undefined;
  answered: OwnAnswer | undefined;
  refusal: Problem | undefined;
  reported: Problem | undefined;
}

/** The pipeline itself, on an exchange that keeps what it is told. */
async function decide(request: InboundRequest, gateway: GatewayPorts): Promise<Decided> {
  const decided: Decided = {
    request,
    forwardable: undefined,
    answered: undefined,
    refusal: undefined,
    reported: undefined,
  };
  const exchange: Exchange = {
    request,
    transfer: newTransfer(),
    async forward(forwardable): Promise<Forwarded> {
      if (!request.isUpgrade) checkDeclaredLength(forwardable);
      decided.forwardable = forwardable;
      return { status: 0 };
    },
    refuse(problem) {
      decided.refusal = problem;
    },
    answer(own) {
      decided.answered = own;
      return { status: own.status };
    },
    mirror: () => undefined,
    cut: () => undefined,
  };
  const record = ({ reported }: Outcome): void => {
    decided.reported = reported;
  };
  await handleRequest(exchange, { ...gateway, record });
  return decided;
}

function verdictOf({ forwardable, answered, refusal, reported }: Decided): Verdict {
  const noted = reported === undefined ? null : { code: reported.code, reason: reported.reason ?? null };
  const base = { code: null, reason: null, reported: noted };
  if (refusal !== undefined) {
    const { status, code, reason = null } = refusal;
    return { ...base, outcome: 'refused', status, code, reason };
  }
  if (answered !== undefined) return { ...base, outcome: 'answered', status: answered.status };
  if (forwardable === undefined) throw new Problem('internal_error');
  return { ...base, outcome: 'forwarded', status: null };
}

/** Everything in the request that is a credential of some kind, wherever else it may stand as well. */
function secretsOf({ headers }: InboundRequest, asked: ExplainRequest, routed: Routed | undefined): string[] {
  const credentials = routed?.route.access === 'protected' ? routed.route.credentials : undefined;
  const authorization = headerValues(headers, 'authorization').flatMap((value) =>
    value.split(/\s+/).slice(1),
  );
  const keyHeader =
    credentials?.apiKeyHeader === undefined ? [] : headerValues(headers, credentials.apiKeyHeader);
  const cookies = (credentials?.cookies ?? []).flatMap((name) => cookieValues(headers, name));
  return [...(asked.token === undefined ? [] : [asked.token]), ...authorization, ...keyHeader, ...cookies];
}
