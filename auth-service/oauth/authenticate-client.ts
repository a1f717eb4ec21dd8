import { FIRST_PARTY_CLIENT_ID } from '../../contracts/access-token.js';
import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { Database } from '../stores/database.js';
import { findClient } from '../stores/oauth-clients.js';
import { type Client, type ClientAuthMethod, liveCredentials } from './client.js';
import { parseClientCertificate } from './client-certificate.js';
import { OAuthError } from './oauth-error.js';
import { type ClientClaim, type PresentedClient, readClientClaim } from './read-client-claim.js';
import { matchesSecret } from './secret-hash.js';
import type { VerifyAssertion } from './verify-assertion.js';

export interface ConfidentialClient {
  isPublic: false;
  id: string;
  client: Client;
  /** The credential that it proved. */
  credentialId: string;
  /** Of the certificate that it proved; with `tls_client_auth` only. */
  certificateThumbprint?: string;
}

/** People's own apps: they have no secret, and what they hold is what proves them. */
export interface PublicClient {
  isPublic: true;
  id: typeof FIRST_PARTY_CLIENT_ID;
}

export type AuthenticatedClient = ConfidentialClient | PublicClient;

export type AuthenticateClient = (presented: PresentedClient) => Promise<AuthenticatedClient>;

/** RFC 6749 appendix A.1, as long as one of ours can be; anything else is not worth a query, or would break it (U+0000). */
const CLIENT_ID = /^[\x20-\x7e]{1,64}$/;

type Proof = Pick<ConfidentialClient, 'credentialId' | 'certificateThumbprint'> | { refused: string };

/**
 * Who calls an OAuth endpoint (RFC 6749 section 2.3, RFC 7523, RFC 8705). Throws OAuthError `invalid_request` for more
 * than one method at once, and `invalid_client` for everything that is not proved: all reasons read alike, and the log
 * alone knows which it was.
 */
export function createAuthenticateClient(deps: {
  database: Database;
  clock: Clock;
  logger: Logger;
  verifyAssertion: VerifyAssertion;
}): AuthenticateClient {
  const { database, clock, logger, verifyAssertion } = deps;

  return async (presented) => {
    const claim = readClientClaim(presented);
    const { clientId } = claim;
    if (claim.method === 'none' && clientId === FIRST_PARTY_CLIENT_ID)
      return { isPublic: true, id: FIRST_PARTY_CLIENT_ID };
    const client =
      clientId === undefined || !CLIENT_ID.test(clientId)
        ? undefined
        : await database.run((db) => findClient(db, clientId));
    const proof = await prove(claim, client, presented);
    if ('refused' in proof || client === undefined) {
      const reason = 'refused' in proof ? proof.refused : 'unknown client';
      // Only a name that is ours is logged: anything else may be a secret in the wrong place.
      logger.warn(
        { clientId: client?.id, reason, requestId: presented.requestId },
        'client not authenticated',
      );
      throw new OAuthError('invalid_client', 'client authentication failed');
    }
    return { isPublic: false, id: client.id, client, ...proof };
  };

  async function prove(
    claim: ClientClaim,
    client: Client | undefined,
    { certificate }: PresentedClient,
  ): Promise<Proof> {
    const nowMs = clock.now();
    const live = client === undefined ? [] : liveCredentials(client, nowMs);
    if (claim.method === 'client_secret') {
      const match = live.find(({ secretHash }) => matchesSecret(claim.secret, secretHash));
      if (live.length === 0) matchesSecret(claim.secret, undefined);
      return checked(client, 'client_secret', match && { credentialId: match.id });
    }
    if (claim.method === 'private_key_jwt') {
      if (client === undefined || client.disabledAtMs !== undefined)
        return { refused: 'unknown or disabled' };
      const verified = await verifyAssertion(claim.assertion, client.id, live);
      return 'refused' in verified ? verified : checked(client, 'private_key_jwt', verified);
    }
    const shown = certificate === undefined ? undefined : parseClientCertificate(certificate);
    if (shown === undefined) return { refused: 'no credential' };
    if (nowMs < shown.validFromMs || nowMs > shown.validToMs) return { refused: 'certificate expired' };
    const match = live.find(({ certificateName: name }) => name !== undefined && shown.names.includes(name));
    const found = match && { credentialId: match.id, certificateThumbprint: shown.thumbprint };
    return checked(client, 'tls_client_auth', found);
  }
}

function checked(
  client: Client | undefined,
  method: ClientAuthMethod,
  proof: Exclude<Proof, { refused: string }> | undefined,
): Proof {
  if (client === undefined) return { refused: 'unknown client' };
  if (client.disabledAtMs !== undefined) return { refused: 'disabled' };
  if (client.authMethod !== method) return { refused: 'another method' };
  return proof ?? { refused: 'no live credential matches' };
}
