import { Problem } from '../../contracts/problem.js';
import type { Account } from '../accounts/account.js';
import type { Origin } from '../stores/audit.js';
import { advanceFamily, extendFamilyAccess } from '../stores/refresh-families.js';
import { findAccount } from '../stores/users.js';
import { decideRotation, type Rotation } from './decide-rotation.js';
import type { EndSession } from './end-session.js';
import type { Family } from './family.js';
import { findPresentedFamily, type PresentedFamily } from './find-presented-family.js';
import { type IssuedSession, issuedSession } from './issued-session.js';
import { parseRefreshToken, type RefreshToken } from './refresh-token.js';
import { accessExpiry, type SessionParts } from './session-parts.js';

export type RefreshSession = (presented: string, origin: Origin) => Promise<IssuedSession>;

/** Each lost race means that another request moved the family on, so a few rounds always suffice. */
const MAX_ROUNDS = 5;

/**
 * Exchanges a refresh token (design 4.6). Account status, roles, scopes and token version are read again each time.
 * Rejects with Problem `refresh_token_invalid`, `session_revoked`, `session_expired`, `account_disabled`,
 * `refresh_token_reused` (the family has been ended) or `store_unavailable`.
 */
export function createRefreshSession(parts: SessionParts & { endSession: EndSession }): RefreshSession {
  const { database, clock, settings, endSession } = parts;

  return async (presented, origin) => {
    const token = parseRefreshToken(presented);
    if (token === undefined) throw new Problem('refresh_token_invalid');
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const found = await findPresentedFamily(parts, token);
      if (found === undefined) throw new Problem('refresh_token_invalid');
      const { family } = found;
      const nowMs = clock.now();
      checkFamilyIsLive(family, nowMs);
      const rotation = decideRotation(token.generation, family, nowMs, settings);
      if (rotation === 'reuse') {
        await endForReuse(family, token, origin);
        throw new Problem('refresh_token_reused');
      }
      const account = await database.run((db) => findAccount(db, family.userId));
      const issued = await issue(rotation, found, activeAccount(account, family), nowMs);
      if (issued !== undefined) return issued;
    }
    throw new Problem('overloaded');
  };

  function checkFamilyIsLive(family: Family, nowMs: number): void {
    if (family.revoked) throw new Problem('session_revoked');
    if (nowMs >= refreshExpiry(family, family.lastUsedAtMs)) throw new Problem('session_expired');
  }

  function refreshExpiry(family: Family, lastUsedAtMs: number): number {
    return Math.min(lastUsedAtMs + settings.idleMs, family.createdAtMs + settings.absoluteMs);
  }

  /** Undefined when another request was faster; the family has to be looked at again. */
  async function issue(
    rotation: Exclude<Rotation, 'reuse'>,
    { family, secret }: PresentedFamily,
    account: Account,
    nowMs: number,
  ): Promise<IssuedSession | undefined> {
    const { id, generation } = family;
    const accessExpiresS = accessExpiry(nowMs, parts.accessTtlMs);
    const isRotation = rotation === 'rotate';
    const recorded = await database.run((db) =>
      isRotation
        ? advanceFamily(db, { id, generation }, { nowMs, accessExpiresS })
        : extendFamilyAccess(db, { id, generation }, accessExpiresS),
    );
    if (!recorded) return undefined;
    const accessToken = await parts.issueAccessToken(accessTokenSubject(family, account), accessExpiresS);
    return issuedSession({
      familyId: id,
      generation: isRotation ? generation + 1 : generation,
      secret,
      accessToken,
      nowMs,
      accessExpiresS,
      refreshExpiresMs: refreshExpiry(family, isRotation ? nowMs : family.lastUsedAtMs),
    });
  }

  async function endForReuse(family: Family, token: RefreshToken, origin: Origin): Promise<void> {
    const detail = { presented: token.generation, current: family.generation };
    parts.logger.warn({ sid: family.id, ...detail, requestId: origin.requestId }, 'refresh token reused');
    await endSession({ sessionId: family.id, subject: family.userId }, 'reuse', origin, detail);
  }
}

function activeAccount(account: Account | undefined, family: Family): Account {
  if (account === undefined || account.tokenVersion !== family.tokenVersion)
    throw new Problem('session_revoked');
  if (account.status !== 'active') throw new Problem('account_disabled');
  return account;
}

function accessTokenSubject(family: Family, account: Account) {
  return {
    subject: account.id,
    clientId: family.clientId,
    sessionId: family.id,
    tokenVersion: account.tokenVersion,
    roles: account.roles,
    scopes: account.scopes,
  };
}
