import { Problem } from '../../contracts/problem.js';
import type { RevocationEntry } from '../../contracts/revocation.js';
import { advance } from './advance.js';
import type { Revocations } from './ports.js';
import type { Unrevoked, Verified } from './states.js';

/**
 * Looks the token up, on every request and outside any cache: in memory, unless config has Redis asked. A copy that is
 * too old to decide by, or no answer, is an outage (503), not the caller's fault; `on_stale: allow` lets the route be
 * served by what is known.
 */
export function checkRevocation(
  verified: Verified,
  revocations: Revocations,
): Unrevoked | Promise<Unrevoked> {
  const found = revocations.find(verified.token);
  if (found instanceof Promise) return found.then((answer) => judge(verified, answer, revocations));
  return judge(verified, found, revocations);
}

function judge(
  verified: Verified,
  found: RevocationEntry | 'unanswered' | undefined,
  revocations: Revocations,
): Unrevoked {
  if (found !== undefined && found !== 'unanswered') throw new Problem('token_revoked');
  const isStale = found === 'unanswered' || revocations.ageMs() > verified.snapshot.maxStalenessMs;
  if (isStale && verified.route.onStale === 'deny') throw new Problem('revocation_stale');
  return advance(verified, { revocationChecked: true, isStale });
}
