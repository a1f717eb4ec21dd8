import type { RefreshSession } from '../tokens/refresh-session.js';
import { clientTerms } from './client-terms.js';
import type { GrantRequest, IssuedToken } from './issued-token.js';
import { narrowAudiences } from './narrow-audiences.js';
import { OAuthError } from './oauth-error.js';

export type GrantRefreshToken = (request: GrantRequest) => Promise<IssuedToken>;

/**
 * A person's session, refreshed by the client that it belongs to (RFC 6749 section 6); the very same rotation as at
 * `/auth/refresh`. A narrower scope is for this one access token: the next refresh may ask for all again.
 */
export function createGrantRefreshToken(deps: {
  refreshSession: RefreshSession;
  /** What people's tokens are for. */
  audience: string;
}): GrantRefreshToken {
  return async ({ client, form, jkt, origin }) => {
    const presented = form.values.get('refresh_token');
    if (presented === undefined) throw new OAuthError('invalid_request', 'refresh_token is missing');
    narrowAudiences([deps.audience], form.resources);
    const terms = clientTerms(client, { jkt, scope: form.values.get('scope') });
    const { accessToken, isDpop, expiresInS, scopes, refreshToken } = await deps.refreshSession(
      presented,
      origin,
      terms,
    );
    return { accessToken, isDpop, expiresInS, scopes, refreshToken };
  };
}
