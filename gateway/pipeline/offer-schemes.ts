import { type AuthScheme, challengeHeader, Problem } from '../../contracts/problem.js';
import { headerValues } from './headers.js';
import type { Routed } from './states.js';

/**
 * A refusal on a route that takes DPoP proofs says so in `WWW-Authenticate` (RFC 9449 section 7.1): the error goes with
 * the scheme that the client used, or should have used, and the others stand beside it.
 */
export function offerSchemes(problem: Problem, routed: Routed | undefined): Problem {
  if (routed?.route.access !== 'protected') return problem;
  const { schemes, dpop } = routed.route.credentials;
  if (dpop === undefined) return problem;
  const challenge = challengeHeader(problem, inOrder(problem, routed, schemes));
  if (challenge === undefined) return problem;
  const { code, cause, scope, reason, headers } = problem;
  return new Problem(code, {
    cause,
    headers: { ...headers, 'www-authenticate': challenge },
    ...(scope === undefined ? {} : { scope }),
    ...(reason === undefined ? {} : { reason }),
  });
}

function inOrder(
  { code }: Problem,
  { headers }: Routed,
  schemes: readonly [AuthScheme, ...AuthScheme[]],
): readonly [AuthScheme, ...AuthScheme[]] {
  const isAboutProof = code === 'token_binding' || code === 'dpop_invalid' || code === 'dpop_replayed';
  const used = /^dpop\b/i.test(headerValues(headers, 'authorization')[0] ?? '');
  if (!isAboutProof && !used) return schemes;
  return ['DPoP', ...schemes.filter((scheme) => scheme !== 'DPoP')];
}
