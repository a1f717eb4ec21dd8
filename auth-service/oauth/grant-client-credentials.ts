import { SERVICE_SUBJECT_PREFIX } from '../../contracts/access-token.js';
import type { Clock } from '../../kit/clock.js';
import type { IssueAccessToken } from '../tokens/access-token.js';
import type { ConfidentialClient } from './authenticate-client.js';
import type { GrantRequest, IssuedToken } from './issued-token.js';
import { narrowAudiences } from './narrow-audiences.js';
import { narrowScopes } from './narrow-scopes.js';
import { OAuthError } from './oauth-error.js';

export type GrantClientCredentials = (request: GrantRequest) => Promise<IssuedToken>;

/** Nothing about a service is counted up; the claim is there because every token of ours has it. */
const SERVICE_TOKEN_VERSION = 0;

/**
 * A token for the client itself (RFC 6749 section 4.4), without a refresh token: its credential is as good. `sid` is the
 * credential, so that a secret that leaked takes its tokens along when it is withdrawn, however long they live.
 */
export function createGrantClientCredentials(deps: {
  clock: Clock;
  issueAccessToken: IssueAccessToken;
  accessTtlMs: number;
}): GrantClientCredentials {
  const { clock, issueAccessToken, accessTtlMs } = deps;
  return async ({ client: caller, form, jkt }) => {
    const { client, credentialId } = serviceOf(caller);
    const scopes = narrowScopes(client.scopes, form.values.get('scope'));
    const audiences = narrowAudiences(client.audiences, form.resources);
    const lifetimeS = client.tokenTtlS ?? Math.floor(accessTtlMs / 1000);
    const accessToken = await issueAccessToken(
      {
        subject: SERVICE_SUBJECT_PREFIX + client.service,
        clientId: client.id,
        sessionId: credentialId,
        tokenVersion: SERVICE_TOKEN_VERSION,
        roles: [],
        scopes,
        audiences,
        confirmation: confirmationOf(caller, jkt),
      },
      Math.floor(clock.now() / 1000) + lifetimeS,
    );
    return { accessToken, isDpop: jkt !== undefined, expiresInS: lifetimeS, scopes };
  };
}

function serviceOf(caller: GrantRequest['client']): ConfidentialClient {
  if (caller.isPublic || !caller.client.grants.includes('client_credentials'))
    throw new OAuthError('unauthorized_client', 'the client may not use this grant');
  return caller;
}

function confirmationOf(caller: GrantRequest['client'], jkt: string | undefined) {
  const thumbprint = caller.isPublic ? undefined : caller.certificateThumbprint;
  if (jkt === undefined && thumbprint === undefined) return undefined;
  return { ...(jkt && { jkt }), ...(thumbprint && { 'x5t#S256': thumbprint }) };
}
