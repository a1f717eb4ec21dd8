import { FIRST_PARTY_CLIENT_ID } from '../../contracts/access-token.js';
import { Problem } from '../../contracts/problem.js';
import type { Account } from '../accounts/account.js';
import { MAX_USER_AGENT_LENGTH, type Origin } from '../stores/audit.js';
import { advanceFamily, extendFamilyAccess } from '../stores/refresh-families.js';
import { decideRotation, type Rotation } from './decide-rotation.js';
import type { EndSession } from './end-session.js';
import type { Family } from './family.js';
import { findPresentedFamily, type PresentedFamily } from './find-presented-family.js';
import { type IssuedSession, issuedSession } from './issued-session.js';
import { refreshCostMs, refreshWaitMs } from './limit-refreshes.js';
import { parseRefreshToken, type RefreshToken } from './refresh-token.js';
import { accessExpiry, type SessionParts } from './session-parts.js';
import type { SessionTerms } from './session-terms.js';

export type RefreshSession = (
  presented: string,
  origin: Origin,
  terms: SessionTerms,
) => Promise<IssuedSession>;

/** Each lost race means that another request moved the family on, so a few rounds always suffice. */
const MAX_ROUNDS = 5;

/**
 * Exchanges a refresh token (design 4.6). Account status, roles, scopes and token version are read again each time,
 * at one moment with the family.
 * Rejects with Problem `refresh_token_invalid`, `dpop_invalid`, `session_revoked`, `session_expired`, `account_disabled`,
 * `refresh_token_reused` (the family has been ended), `rate_limited` or `store_unavailable`. The last two say nothing of
 * the session: it goes on, and a cookie stays.
 */
export function createRefreshSession(parts: SessionParts & { endSession: EndSession }): RefreshSession {
  const { database, clock, settings, endSession } = parts;

  return async (presented, origin, terms) => {
    const token = parseRefreshToken(presented);
    if (token === undefined) throw new Problem('refresh_token_invalid');
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const found = await findPresentedFamily(parts, token);
      if (found === undefined) throw new Problem('refresh_token_invalid');
      const { family, account } = found;
      checkHolder(family, terms);
      // Comes before what is wrong with the session: that the account is disabled is what the person has to be told.
      if (account.status !== 'active') throw new Problem('account_disabled');
      const nowMs = clock.now();
      checkFamilyIsLive(family, account, nowMs);
      const rotation = decideRotation(token.generation, family, nowMs, settings);
      if (rotation === 'reuse') {
        await endForReuse(family, token, origin);
        throw new Problem('refresh_token_reused');
      }
      checkLimit(family, nowMs);
      const issued = await issue(rotation, found, nowMs, origin, terms);
      if (issued !== undefined) return issued;
    }
    throw new Problem('overloaded');
  };

  function checkFamilyIsLive(family: Family, account: Account, nowMs: number): void {
    if (family.revoked || account.tokenVersion !== family.tokenVersion) throw new Problem('session_revoked');
    if (nowMs >= refreshExpiry(family, family.lastUsedAtMs)) throw new Problem('session_expired');
  }

  function refreshExpiry(family: Family, lastUsedAtMs: number): number {
    return Math.min(lastUsedAtMs + settings.idleMs, family.createdAtMs + settings.absoluteMs);
  }

  /** Undefined when another request was faster; the family has to be looked at again. */
  async function issue(
    rotation: Exclude<Rotation, 'reuse'>,
    { family, account, secret }: PresentedFamily,
    nowMs: number,
    from: Origin,
    { jkt, narrow }: SessionTerms,
  ): Promise<IssuedSession | undefined> {
    const { id, generation } = family;
    const scopes = narrow(account.scopes);
    const accessExpiresS = accessExpiry(nowMs, parts.accessTtlMs);
    const isRotation = rotation === 'rotate';
    const costMs = refreshCostMs(rotation, settings.refreshesPerHour);
    const use = { nowMs, accessExpiresS, costMs, from };
    const recorded = await database.run((db) =>
      isRotation ? advanceFamily(db, family, use) : extendFamilyAccess(db, family, use),
    );
    if (!recorded) return undefined;
    const subject = accessTokenSubject(family, account, scopes, jkt);
    const accessToken = await parts.issueAccessToken(subject, accessExpiresS);
    return issuedSession({
      familyId: id,
      generation: isRotation ? generation + 1 : generation,
      secret,
      accessToken,
      isDpop: jkt !== undefined,
      scopes,
      nowMs,
      accessExpiresS,
      refreshExpiresMs: refreshExpiry(family, isRotation ? nowMs : family.lastUsedAtMs),
    });
  }

  async function endForReuse(family: Family, token: RefreshToken, origin: Origin): Promise<void> {
    const detail = reuseDetail(family, token, origin);
    parts.logger.warn({ sid: family.id, ...detail, requestId: origin.requestId }, 'refresh token reused');
    await endSession({ sessionId: family.id, subject: family.userId }, 'reuse', origin, detail);
  }
}

/** What whoever looks into it needs: how old the token was, who used the session before, and who came now. */
function reuseDetail(family: Family, token: RefreshToken, now: Origin) {
  const { generation: current } = family;
  const presented = token.generation;
  return {
    presented,
    current,
    // The parent of the current token may be a client that retried too late; an older one has no good reason.
    age: presented === current - 1 ? 'recent parent' : 'older',
    before: {
      at: new Date(family.lastUsedAtMs).toISOString(),
      ip: family.lastIp ?? null,
      userAgent: family.lastUserAgent ?? null,
    },
    now: { ip: now.ip, userAgent: now.userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null },
  };
}

/**
 * A refresh token is good in the hands of its client alone (RFC 6749 section 6), and with its key where it is bound to
 * one. Comes before anything else is decided: a thief without the key changes nothing, and ends nothing either.
 */
function checkHolder({ clientId, dpopJkt }: Family, terms: SessionTerms): void {
  if (clientId !== terms.clientId) throw new Problem('refresh_token_invalid');
  if (dpopJkt === undefined) {
    // What a public client gets for a proof would have to be bound to its key (RFC 9449 section 5); a session that is
    // anybody's so far must not become that of whoever comes first with a key.
    if (terms.jkt !== undefined && terms.clientId === FIRST_PARTY_CLIENT_ID)
      throw new Problem('dpop_invalid');
    return;
  }
  if (terms.jkt === undefined) throw new Problem('dpop_invalid');
  if (terms.jkt !== dpopJkt) throw new Problem('refresh_token_invalid');
}

/** Throws Problem `rate_limited`, with `Retry-After`. */
function checkLimit(family: Family, nowMs: number): void {
  const waitMs = refreshWaitMs(family, nowMs);
  if (waitMs === 0) return;
  throw new Problem('rate_limited', { headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) } });
}

function accessTokenSubject(
  family: Family,
  account: Account,
  scopes: readonly string[],
  jkt: string | undefined,
) {
  return {
    subject: account.id,
    clientId: family.clientId,
    sessionId: family.id,
    tokenVersion: account.tokenVersion,
    roles: account.roles,
    scopes,
    confirmation: jkt === undefined ? undefined : { jkt },
  };
}
