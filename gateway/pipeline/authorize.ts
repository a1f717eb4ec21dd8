import { SERVICE_SUBJECT_PREFIX } from '../../contracts/access-token.js';
import type { Identity } from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';
import type { Authorized, Routed, Unrevoked, VerifiedToken } from './states.js';

/** All of the route's scopes, and one of its roles where it names any. */
export function authorize(unrevoked: Unrevoked): Authorized {
  const { route, token } = unrevoked;
  if (!route.scopes.every((scope) => token.scopes.includes(scope))) {
    throw new Problem('insufficient_scope', { scope: route.scopes.join(' ') });
  }
  if (route.roles.length > 0 && !route.roles.some((role) => token.roles.includes(role))) {
    throw new Problem('insufficient_role');
  }
  return { ...unrevoked, identity: identityOf(token) };
}

/** A public route: the caller is nobody, whatever they sent. */
export function authorizeAnyone(routed: Routed): Authorized {
  return { ...routed, identity: { kind: 'anonymous', scopes: [], roles: [] } };
}

function identityOf(token: VerifiedToken): Identity {
  return {
    kind: token.subject.startsWith(SERVICE_SUBJECT_PREFIX) ? 'service' : 'user',
    subject: token.subject,
    issuer: token.issuer,
    expires: token.expiresAt,
    scopes: token.scopes,
    roles: token.roles,
    ...(token.client === undefined ? {} : { client: token.client }),
    ...(token.session === undefined ? {} : { session: token.session }),
    ...(token.tokenId === undefined ? {} : { token: token.tokenId }),
  };
}
