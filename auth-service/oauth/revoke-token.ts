import type { AccessTokenClaims } from '../../contracts/access-token.js';
import { REVOCATION_MARGIN_S } from '../../contracts/revocation.js';
import type { Clock } from '../../kit/clock.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database } from '../stores/database.js';
import { findRevocation, insertRevocation } from '../stores/revocations.js';
import type { EndSession } from '../tokens/end-session.js';
import type { AuthenticatedClient } from './authenticate-client.js';
import type { FindOwnToken } from './find-own-token.js';
import { OAuthError } from './oauth-error.js';

/** Throws OAuthError `unauthorized_client` for another client's token. */
export type RevokeToken = (token: string, client: AuthenticatedClient, origin: Origin) => Promise<Ending>;

/**
 * RFC 7009: an access token alone, or with a refresh token the whole session. A token that nobody made, or that has
 * ended, is revoked as far as its holder can tell.
 */
export function createRevokeToken(deps: {
  database: Database;
  clock: Clock;
  issuer: string;
  awaitPublished: AwaitPublished;
  findOwnToken: FindOwnToken;
  endSession: EndSession;
}): RevokeToken {
  const { database, clock, issuer, awaitPublished, findOwnToken, endSession } = deps;

  return async (text, client, origin) => {
    const token = await findOwnToken(text);
    if (token === undefined) return 'revoked';
    if (token.clientId !== client.id)
      throw new OAuthError('unauthorized_client', 'the token was issued to another client');
    if (token.kind === 'access') return revokeAccessToken(token.claims, origin);
    const { id, userId } = token.family;
    return endSession({ sessionId: id, subject: userId }, 'logout', origin);
  };

  async function revokeAccessToken(claims: AccessTokenClaims, origin: Origin): Promise<Ending> {
    const { jti, sub, sid, exp, client_id: clientId } = claims;
    const nowMs = clock.now();
    if (exp + REVOCATION_MARGIN_S <= nowMs / 1000) return 'revoked';
    const seq = await database.transaction(async (trx) => {
      const known = await findRevocation(trx, 'token', jti);
      if (known !== undefined) return known;
      const now = new Date(nowMs);
      const actor = `client:${clientId}` as const;
      const record = { action: 'revocation.token', actor, subject: sub, sessionId: sid, origin } as const;
      await insertAuditRecord(trx, { ...record, detail: { jti } }, now);
      return insertRevocation(trx, { kind: 'token', iss: issuer, jti, exp: exp + REVOCATION_MARGIN_S }, now);
    });
    return awaitPublished(seq);
  }
}
