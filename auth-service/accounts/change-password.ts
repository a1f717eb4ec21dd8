import { Problem } from '../../contracts/problem.js';
import { REVOCATION_MARGIN_S, type RevocationEntry } from '../../contracts/revocation.js';
import type { Clock } from '../../kit/clock.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database } from '../stores/database.js';
import { endOtherFamilies } from '../stores/end-families.js';
import { dropPasswordReset } from '../stores/password-resets.js';
import { insertRevocations } from '../stores/revocations.js';
import { replacePassword } from '../stores/users.js';
import type { LiveSession } from '../tokens/require-session.js';
import type { PasswordHasher } from './password-hasher.js';
import type { CheckPassword } from './password-policy.js';
import type { Throttle } from './throttle.js';

export interface PasswordChange {
  currentPassword: string;
  newPassword: string;
}

export type ChangePassword = (
  session: LiveSession,
  change: PasswordChange,
  origin: Origin,
) => Promise<Ending>;

/**
 * Gives an account another password and ends its other sessions, in one transaction; the session that asks goes on. It
 * asks for the current password, because an access token that was stolen must not become an account that was stolen:
 * failures count per session. Rejects with Problem `password_wrong`, `password_too_*`, `too_many_attempts`, `conflict`,
 * `overloaded` or `store_unavailable`.
 */
export function createChangePassword(deps: {
  database: Database;
  clock: Clock;
  hasher: PasswordHasher;
  throttle: Throttle;
  checkPassword: CheckPassword;
  issuer: string;
  awaitPublished: AwaitPublished;
}): ChangePassword {
  const { database, clock, hasher, throttle, checkPassword, issuer, awaitPublished } = deps;

  async function proveCurrent(session: LiveSession, password: string, origin: Origin): Promise<void> {
    const { account, family } = session;
    const attempt = await throttle.begin({ sessionId: family.id });
    if (await hasher.verify(account.passwordHash, password)) return attempt.succeeded();
    const record = {
      action: 'account.password-failed',
      actor: `user:${account.id}`,
      subject: account.id,
      sessionId: family.id,
      origin,
    } as const;
    await attempt.failed((trx) => insertAuditRecord(trx, record, new Date(clock.now())));
    throw new Problem('password_wrong');
  }

  return async (session, { currentPassword, newPassword }, origin) => {
    const { account, family } = session;
    await proveCurrent(session, currentPassword, origin);
    checkPassword(newPassword, account);
    const passwordHash = await hasher.hash(newPassword);
    const nowMs = clock.now();
    const now = new Date(nowMs);
    const seq = await database.transaction(async (trx) => {
      if (!(await replacePassword(trx, account, passwordHash, now))) throw new Problem('conflict');
      await dropPasswordReset(trx, account.id);
      const ended = await endOtherFamilies(trx, account.id, family.id, 'password', nowMs);
      const record = {
        action: 'account.password-changed',
        actor: `user:${account.id}`,
        subject: account.id,
        sessionId: family.id,
        origin,
        detail: { endedSessions: ended.length },
      } as const;
      await insertAuditRecord(trx, record, now);
      return insertRevocations(
        trx,
        ended.map((other) => revocationOf(issuer, other)).filter(isDue(nowMs)),
        now,
      );
    });
    return seq === undefined ? 'revoked' : awaitPublished(seq);
  };
}

function revocationOf(iss: string, family: { id: string; accessExpiresS: number }): RevocationEntry {
  return { kind: 'session', iss, sid: family.id, exp: family.accessExpiresS + REVOCATION_MARGIN_S };
}

/** What has expired long ago needs no entry. */
const isDue =
  (nowMs: number) =>
  ({ exp }: RevocationEntry): boolean =>
    exp > nowMs / 1000;
