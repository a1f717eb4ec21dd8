import type { SessionTerms } from '../tokens/session-terms.js';
import { firstPartyTerms } from '../tokens/session-terms.js';
import type { AuthenticatedClient } from './authenticate-client.js';
import { narrowScopes } from './narrow-scopes.js';
import { OAuthError } from './oauth-error.js';

/**
 * The terms of a person's session with this client: of the account's scopes it gets those that it may have itself, and
 * of those what it asks for. Throws OAuthError `unauthorized_client`, or `invalid_dpop_proof` for a client that has to
 * prove a key and does not; `narrow` throws `invalid_scope`.
 */
export function clientTerms(
  caller: AuthenticatedClient,
  { jkt, scope }: { jkt: string | undefined; scope?: string | undefined },
): SessionTerms {
  if (caller.isPublic) {
    const terms = firstPartyTerms(jkt);
    return { ...terms, narrow: (scopes) => narrowScopes(scopes, scope) };
  }
  const { client } = caller;
  if (!client.grants.includes('refresh_token'))
    throw new OAuthError('unauthorized_client', 'the client may not use this grant');
  return {
    clientId: client.id,
    jkt,
    narrow: (scopes) =>
      narrowScopes(
        scopes.filter((granted) => client.scopes.includes(granted)),
        scope,
      ),
  };
}

/** Throws OAuthError `invalid_dpop_proof` for a client that has to prove a key and does not. */
export function requireProof(caller: AuthenticatedClient, jkt: string | undefined): void {
  if (!caller.isPublic && caller.client.requiresDpop && jkt === undefined)
    throw new OAuthError('invalid_dpop_proof', 'the client has to send a DPoP proof');
}
