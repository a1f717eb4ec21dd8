import type { AdminRevocationRequest } from '../../contracts/admin-revocations.js';
import { Problem } from '../../contracts/problem.js';
import { REVOCATION_MARGIN_S, type RevocationEntry } from '../../contracts/revocation.js';
import type { Clock } from '../../kit/clock.js';
import type { ChangeKeys } from '../keys/change-keys.js';
import { findApiKey, markApiKeyRevoked } from '../stores/api-keys.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database, Queries } from '../stores/database.js';
import { endFamiliesBefore, endFamily } from '../stores/end-families.js';
import { endCredential } from '../stores/oauth-clients.js';
import { findRevocation, insertRevocation } from '../stores/revocations.js';
import { findAccount } from '../stores/users.js';
import type { VerifyOwnToken } from '../tokens/access-token.js';
import { isUuid } from '../tokens/new-uuid.js';
import { revokeAccount } from '../tokens/revoke-account.js';
import type { AwaitPublished, Ending } from './await-published.js';

/**
 * Revokes whatever the operator names (design 4.4), together with what it came from where that is ours: a session ends,
 * an API key is revoked, a service's credential gets no more tokens, a signing key is withdrawn. Rejects with Problem `not_found`, `json_invalid`, `token_*` or
 * `store_unavailable`.
 */
export type RevokeAsOperator = (request: AdminRevocationRequest, origin: Origin) => Promise<Ending>;

type RequestOf<K extends AdminRevocationRequest['kind']> = Extract<AdminRevocationRequest, { kind: K }>;
type Known = { entry: RevocationEntry; subject?: string; sessionId?: string };

/** No access token is issued for longer (design 4.1). */
const DEFAULT_LIFETIME_S = 30 * 86_400;
const SESSIONS_PER_BATCH = 500;

export function createRevokeAsOperator(deps: {
  database: Database;
  clock: Clock;
  issuer: string;
  awaitPublished: AwaitPublished;
  verifyOwnToken: VerifyOwnToken;
  changeKeys: Pick<ChangeKeys, 'revoke'>;
}): RevokeAsOperator {
  const { database, clock, issuer, awaitPublished, verifyOwnToken, changeKeys } = deps;
  const nowS = (): number => Math.floor(clock.now() / 1000);
  const expiryOf = (request: { lifetime_s?: number }): number =>
    nowS() + (request.lifetime_s ?? DEFAULT_LIFETIME_S) + REVOCATION_MARGIN_S;

  return async (request, origin) => {
    switch (request.kind) {
      case 'token':
        return revokeToken(request, origin);
      case 'session':
        return awaitPublished(await revokeSession(request, origin));
      case 'subject':
        return awaitPublished(await revokeSubject(request, origin));
      case 'key':
        return awaitPublished(await revokeKey(request, origin));
      case 'not-before':
        return awaitPublished(await revokeBefore(request, origin));
    }
  };

  async function revokeToken(request: RequestOf<'token'>, origin: Origin): Promise<Ending> {
    const known = 'token' in request ? await tokenAtHand(request.token) : { entry: entryOf(request) };
    if (known.entry.exp <= nowS()) return 'revoked'; // it has expired
    return awaitPublished(await database.transaction((trx) => add(trx, known, origin)));
  }

  async function tokenAtHand(token: string): Promise<Known> {
    const { jti, exp, sub, sid } = await verifyOwnToken(token);
    const entry = { kind: 'token', iss: issuer, jti, exp: exp + REVOCATION_MARGIN_S } as const;
    return { entry, subject: sub, sessionId: sid };
  }

  function entryOf(request: { jti: string; iss?: string; lifetime_s?: number }): RevocationEntry {
    return { kind: 'token', iss: request.iss ?? issuer, jti: request.jti, exp: expiryOf(request) };
  }

  function revokeSession(request: RequestOf<'session'>, origin: Origin): Promise<number> {
    const { sid, iss = issuer } = request;
    return database.transaction(async (trx) => {
      const endedExpiresS = iss === issuer ? await endOwn(trx, sid) : undefined;
      const exp = endedExpiresS === undefined ? expiryOf(request) : endedExpiresS + REVOCATION_MARGIN_S;
      if (endedExpiresS === undefined && iss === issuer) {
        const known = await findRevocation(trx, 'session', sid);
        if (known !== undefined) return known;
      }
      return add(trx, { entry: { kind: 'session', iss, sid, exp }, sessionId: sid }, origin);
    });
  }

  /** The latest `exp` of its access tokens, where it is a session that had not ended. */
  async function endOwn(trx: Queries, sid: string): Promise<number | undefined> {
    const endedExpiresS = await endFamily(trx, sid, 'revoked', clock.now());
    if (endedExpiresS !== undefined) return endedExpiresS;
    const apiKey = await findApiKey(trx, sid);
    if (apiKey !== undefined && apiKey.revokedAtMs === undefined) {
      await markApiKeyRevoked(trx, sid, new Date(clock.now()));
    }
    await endCredential(trx, sid, new Date(clock.now()));
    return undefined;
  }

  function revokeSubject(request: RequestOf<'subject'>, origin: Origin): Promise<number> {
    const { sub, ver } = request;
    return database.transaction(async (trx) => {
      const account = isUuid(sub) ? await findAccount(trx, sub) : undefined;
      if (account === undefined) {
        if (ver === undefined) throw new Problem('not_found');
        const entry = { kind: 'subject', iss: issuer, sub, ver, exp: expiryOf(request) } as const;
        return add(trx, { entry, subject: sub }, origin);
      }
      await audit(trx, { kind: 'subject', subject: sub, detail: {} }, origin);
      const seq = await revokeAccount(trx, { issuer, subject: sub, reason: 'revoked' }, clock.now());
      if (seq === undefined) throw new Problem('not_found');
      return seq;
    });
  }

  async function revokeKey(request: RequestOf<'key'>, origin: Origin): Promise<number> {
    const { kid, iss = issuer } = request;
    if (iss === issuer) return (await changeKeys.revoke(kid, { actor: 'operator', origin })).seq;
    const entry = { kind: 'key', iss, kid, exp: expiryOf(request) } as const;
    return database.transaction((trx) => add(trx, { entry }, origin));
  }

  async function revokeBefore(request: RequestOf<'not-before'>, origin: Origin): Promise<number> {
    const { iss = issuer, client, sub } = request;
    // `iat` is in whole seconds: the second that is under way counts as before.
    const thisSecond = (): number => nowS() + 1;
    if (request.before !== undefined && request.before > thisSecond()) throw new Problem('json_invalid');
    const scope = { ...(client !== undefined && { client }), ...(sub !== undefined && { sub }) };
    if (iss === issuer) await endSessionsBefore(request.before ?? thisSecond(), scope);
    const before = request.before ?? thisSecond(); // after the last refresh that a session got through
    const entry = { kind: 'not-before', iss, before, ...scope, exp: expiryOf(request) } as const;
    return database.transaction((trx) =>
      add(trx, { entry, ...(sub !== undefined && { subject: sub }) }, origin),
    );
  }

  /** In batches, each for itself: there may be very many. Nothing is acknowledged before the entry itself is there. */
  async function endSessionsBefore(beforeS: number, scope: { client?: string; sub?: string }): Promise<void> {
    for (;;) {
      const which = { beforeMs: beforeS * 1000, ...scope, limit: SESSIONS_PER_BATCH };
      const ended = await database.run((db) => endFamiliesBefore(db, which, 'revoked', clock.now()));
      if (ended < SESSIONS_PER_BATCH) return;
    }
  }

  async function add(trx: Queries, { entry, subject, sessionId }: Known, origin: Origin): Promise<number> {
    const { kind, iss, exp: _, ...detail } = entry;
    const shown = { ...detail, ...(iss !== issuer && { iss }) };
    await audit(trx, { kind, subject, sessionId, detail: shown }, origin);
    return insertRevocation(trx, entry, new Date(clock.now()));
  }

  function audit(
    trx: Queries,
    what: {
      kind: RevocationEntry['kind'];
      subject?: string | undefined;
      sessionId?: string | undefined;
      detail: object;
    },
    origin: Origin,
  ): Promise<void> {
    const { kind, subject, sessionId, detail } = what;
    const record = { action: `revocation.${kind}`, actor: 'operator', subject, sessionId, origin } as const;
    return insertAuditRecord(trx, { ...record, detail: { ...detail } }, new Date(clock.now()));
  }
}
