import { Problem } from '../../contracts/problem.js';
import type { Account } from '../accounts/account.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import { insertFamily } from '../stores/refresh-families.js';
import { holdAccount } from '../stores/users.js';
import { familySecretOwner, type IssuedSession, issuedSession } from './issued-session.js';
import { newUuid } from './new-uuid.js';
import { FAMILY_SECRET_BYTES } from './refresh-token.js';
import { accessExpiry, type SessionParts } from './session-parts.js';
import type { SessionTerms } from './session-terms.js';

export type StartSession = (
  authenticated: Account,
  origin: Origin,
  terms: SessionTerms,
) => Promise<IssuedSession>;

/** Begins a session for an account that has just proved its password. No token leaves before its row is durable. */
export function createStartSession(parts: SessionParts): StartSession {
  const { database, envelope, clock, random, issueAccessToken, accessTtlMs, settings } = parts;
  return async (authenticated, origin, { clientId, jkt, narrow }) => {
    const nowMs = clock.now();
    const familyId = newUuid(random);
    const secret = random(FAMILY_SECRET_BYTES);
    const accessExpiresS = accessExpiry(nowMs, accessTtlMs);
    const account = await database.transaction(async (trx) => {
      const held = await holdAccount(trx, authenticated.id);
      // Disabled, or given another password, while the old one was being verified.
      if (held === undefined || held.passwordVersion !== authenticated.passwordVersion) {
        throw new Problem('invalid_credentials');
      }
      if (held.status !== 'active') throw new Problem('account_disabled');
      await insertFamily(trx, {
        id: familyId,
        userId: held.id,
        clientId,
        tokenVersion: held.tokenVersion,
        secret: envelope.seal(secret, familySecretOwner(familyId)),
        createdAtMs: nowMs,
        accessExpiresS,
        dpopJkt: jkt,
        from: origin,
      });
      const actor = `user:${held.id}` as const;
      const record = {
        action: 'session.login',
        actor,
        subject: held.id,
        sessionId: familyId,
        origin,
      } as const;
      await insertAuditRecord(trx, record, new Date(nowMs));
      return held;
    });
    const scopes = narrow(account.scopes);
    const accessToken = await issueAccessToken(
      {
        subject: account.id,
        clientId,
        sessionId: familyId,
        tokenVersion: account.tokenVersion,
        roles: account.roles,
        scopes,
        confirmation: jkt === undefined ? undefined : { jkt },
      },
      accessExpiresS,
    );
    const refreshExpiresMs = nowMs + Math.min(settings.idleMs, settings.absoluteMs);
    return issuedSession({
      familyId,
      generation: 0,
      secret,
      accessToken,
      isDpop: jkt !== undefined,
      scopes,
      nowMs,
      accessExpiresS,
      refreshExpiresMs,
    });
  };
}
