import { Problem } from '../../contracts/problem.js';
import { REVOCATION_MARGIN_S } from '../../contracts/revocation.js';
import type { Clock } from '../../kit/clock.js';
import { secretHash } from '../oauth/secret-hash.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import {
  insertApiKey,
  listApiKeys,
  lockApiKey,
  markApiKeyRevoked,
  replaceApiKey,
} from '../stores/api-keys.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database, Queries } from '../stores/database.js';
import { findRevocation, insertRevocation } from '../stores/revocations.js';
import { type ApiKey, isLive } from './api-key.js';
import { newApiKeyText } from './api-key-text.js';
import { API_KEY_TOKEN_TTL_S } from './exchange-api-key.js';

export type ApiKeySpec = Pick<ApiKey, 'name' | 'service' | 'scopes' | 'expiresAtMs'>;

export interface NewApiKey {
  key: ApiKey;
  /** The key itself. Told once; only its hash is kept. */
  text: string;
}

export interface AdministerApiKeys {
  create(
    spec: Omit<ApiKeySpec, 'expiresAtMs'>,
    lifetimeMs: number | undefined,
    origin: Origin,
  ): Promise<NewApiKey>;
  /** The newest first. */
  list(): Promise<ApiKey[]>;
  /**
   * A new key of the same name, service, scopes and lifetime; the old one ends after `overlapMs`, at 0 with all its
   * tokens. Rejects with Problem `not_found`, or `conflict` for a key that has ended or was replaced before.
   */
  rotate(id: string, overlapMs: number, origin: Origin): Promise<NewApiKey & { ending: Ending | undefined }>;
  /** At once, with all its tokens. Rejects with Problem `not_found`. */
  revoke(id: string, origin: Origin): Promise<Ending>;
}

export function createAdministerApiKeys(deps: {
  database: Database;
  clock: Clock;
  random: (size: number) => Buffer;
  issuer: string;
  awaitPublished: AwaitPublished;
}): AdministerApiKeys {
  const { database, clock, random, issuer, awaitPublished } = deps;

  function make(spec: ApiKeySpec, nowMs: number): NewApiKey {
    const { id, secret, text } = newApiKeyText(random);
    const unused = { lastUsedAtMs: undefined, revokedAtMs: undefined, replacedBy: undefined };
    return { text, key: { ...spec, ...unused, id, secretHash: secretHash(secret), createdAtMs: nowMs } };
  }

  /** The entry covers every token of the key, one that is being signed right now included. */
  async function revokeNow(trx: Queries, id: string, nowMs: number): Promise<number> {
    const now = new Date(nowMs);
    await markApiKeyRevoked(trx, id, now);
    const exp = Math.floor(nowMs / 1000) + API_KEY_TOKEN_TTL_S + REVOCATION_MARGIN_S;
    return insertRevocation(trx, { kind: 'session', iss: issuer, sid: id, exp }, now);
  }

  return {
    async create(spec, lifetimeMs, origin) {
      const nowMs = clock.now();
      const made = make({ ...spec, expiresAtMs: lifetimeMs && nowMs + lifetimeMs }, nowMs);
      await database.transaction(async (trx) => {
        await insertApiKey(trx, made.key);
        await insertAuditRecord(trx, record('api-key.created', made.key, origin), new Date(nowMs));
      });
      return made;
    },

    list: () => database.run(listApiKeys),

    async rotate(id, overlapMs, origin) {
      const nowMs = clock.now();
      const { made, seq } = await database.transaction(async (trx) => {
        const old = await lockApiKey(trx, id);
        if (old === undefined) throw new Problem('not_found');
        if (!isLive(old, nowMs) || old.replacedBy !== undefined) throw new Problem('conflict');
        const { name, service, scopes, createdAtMs, expiresAtMs = Number.POSITIVE_INFINITY } = old;
        const endsMs = nowMs + expiresAtMs - createdAtMs;
        const made = make(
          { name, service, scopes, expiresAtMs: Number.isFinite(endsMs) ? endsMs : undefined },
          nowMs,
        );
        await insertApiKey(trx, made.key);
        const to = { replacedBy: made.key.id, expiresAtMs: Math.min(expiresAtMs, nowMs + overlapMs) };
        await replaceApiKey(trx, id, to);
        const detail = { replacedBy: made.key.id, overlapMs };
        await insertAuditRecord(trx, record('api-key.rotated', old, origin, detail), new Date(nowMs));
        return { made, seq: overlapMs > 0 ? undefined : await revokeNow(trx, id, nowMs) };
      });
      return { ...made, ending: seq === undefined ? undefined : await awaitPublished(seq) };
    },

    async revoke(id, origin) {
      const nowMs = clock.now();
      const seq = await database.transaction(async (trx) => {
        const key = await lockApiKey(trx, id);
        if (key === undefined) throw new Problem('not_found');
        if (key.revokedAtMs !== undefined) return findRevocation(trx, 'session', id);
        await insertAuditRecord(trx, record('api-key.revoked', key, origin), new Date(nowMs));
        return revokeNow(trx, id, nowMs);
      });
      return seq === undefined ? 'revoked' : awaitPublished(seq);
    },
  };
}

function record(
  action: 'api-key.created' | 'api-key.rotated' | 'api-key.revoked',
  { id, name, service }: ApiKey,
  origin: Origin,
  detail: Record<string, unknown> = {},
) {
  return {
    action,
    actor: 'operator',
    subject: `svc:${service}`,
    sessionId: id,
    origin,
    detail: { name, ...detail },
  } as const;
}
