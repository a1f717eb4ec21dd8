import type { Identity } from '../../contracts/identity-headers.js';
import { addressGroup } from '../../kit/address-group.js';
import type { RateLimitBy } from './route.js';
import type { Authorized } from './states.js';

/**
 * Whom a request is counted against. Everybody is somebody: who has no API key or no client id is counted by subject,
 * and who has no subject by address, so that leaving something out is no way around a limit. The kind stands in front:
 * a subject that reads like an address is not that address.
 */
export function rateLimitKey(by: RateLimitBy, { identity, request }: Authorized): string {
  const counted = countedBy(by, identity);
  const value = nameOf(counted, identity) ?? addressGroup(request.remoteAddress);
  const { issuer = '' } = counted === 'address' ? {} : identity;
  // With its length, so that no subject can continue an issuer's name.
  return `${counted} ${issuer.length} ${issuer} ${value}`;
}

/** For people who ask how a request would be counted: `subject ann of https://id.test`. */
export function describeKey(by: RateLimitBy, { identity, request }: Authorized): string {
  const counted = countedBy(by, identity);
  const value = nameOf(counted, identity) ?? addressGroup(request.remoteAddress);
  const issuer = counted === 'address' ? undefined : identity.issuer;
  return `${counted} ${value}${issuer === undefined ? '' : ` of ${issuer}`}`;
}

function countedBy(by: RateLimitBy, identity: Identity): RateLimitBy {
  if (by === 'address' || nameOf(by, identity) !== undefined) return by;
  return identity.subject === undefined ? 'address' : 'subject';
}

function nameOf(by: RateLimitBy, { kind, subject, client, session }: Identity): string | undefined {
  switch (by) {
    case 'subject':
      return subject;
    case 'client':
      return client;
    case 'api_key':
      // The session of the token that stands for a key is the key's id (design 4.11).
      return kind === 'api-key' ? session : undefined;
    case 'address':
      return undefined;
  }
}
