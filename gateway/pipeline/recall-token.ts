import type { Presented } from './states.js';
import type { Verification, VerifiedTokenCache } from './verified-token-cache.js';

/**
 * What an earlier request found out about the very same text, if all that it rests on still stands: the config that
 * made the issuer, the token's time, the issuer's keys, and the key itself. Where anything is in doubt the entry goes
 * and the token is verified anew, which also finds the precise reason to refuse it.
 */
export function recallToken(
  { credential: { text }, route, receivedAt }: Presented,
  cache: VerifiedTokenCache,
): Verification | undefined {
  const known = cache.get(text);
  if (known === undefined) return undefined;
  const { issuer, token, namedKid, key } = known;
  const holds =
    route.issuers.includes(issuer) &&
    receivedAt / 1000 < token.expiresAt + issuer.leewayS &&
    issuer.keys.available &&
    issuer.keys.find(namedKid) === key;
  if (holds) return known;
  cache.delete(text);
  return undefined;
}
