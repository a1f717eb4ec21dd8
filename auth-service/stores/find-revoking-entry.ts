import type { AccessTokenClaims } from '../../contracts/access-token.js';
import { decodeRevocation, type RevocationEntry } from '../../contracts/revocation.js';
import type { Queries } from './database.js';

/**
 * The entry that revokes an access token of ours, by the database itself. Entries of keys are not asked for: a key that
 * was withdrawn verifies nothing any more.
 */
export async function findRevokingEntry(
  db: Queries,
  claims: AccessTokenClaims,
  nowS: number,
): Promise<RevocationEntry | undefined> {
  const { jti, sid, sub, client_id, iss } = claims;
  const rows = await db
    .selectFrom('revocations')
    .select('entry')
    .where('target', 'in', [jti, sid, sub, client_id, iss])
    .where('expires_s', '>', nowS)
    .execute();
  return rows
    .map(({ entry }) => decodeRevocation(entry))
    .find((entry) => entry !== undefined && revokes(entry, claims));
}

function revokes(entry: RevocationEntry, claims: AccessTokenClaims): boolean {
  if (entry.iss !== claims.iss) return false;
  switch (entry.kind) {
    case 'token':
      return entry.jti === claims.jti;
    case 'session':
      return entry.sid === claims.sid;
    case 'subject':
      return entry.sub === claims.sub && claims.ver < entry.ver;
    case 'key':
      return false;
    case 'not-before':
      return (
        claims.iat < entry.before &&
        (entry.client === undefined || entry.client === claims.client_id) &&
        (entry.sub === undefined || entry.sub === claims.sub)
      );
  }
}
