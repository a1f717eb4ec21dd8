import { Problem } from '../../contracts/problem.js';
import { REVOCATION_MARGIN_S } from '../../contracts/revocation.js';
import type { Clock } from '../../kit/clock.js';
import { type Actor, insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database, Queries } from '../stores/database.js';
import { lockFor } from '../stores/locks.js';
import { findRevocation, insertRevocation } from '../stores/revocations.js';
import { findSigningKey, insertSigningKey, listSigningKeys, moveSigningKey } from '../stores/signing-keys.js';
import { dueKeyWork, usableInMs } from './due-key-work.js';
import type { Envelope } from './envelope.js';
import { type KeyConfig, publishLeadMs } from './key-settings.js';
import { makeSigningKey } from './make-signing-key.js';
import type { StoredSigningKey } from './signing-key.js';

/** On whose behalf. */
export interface ChangedBy {
  actor: Actor;
  origin?: Origin;
}

export interface ChangeKeys {
  /** Does what is due by itself (due-key-work.ts). Returns whether anything was. */
  maintain(): Promise<boolean>;
  /**
   * The key in waiting becomes the active one, and another is made to wait. Rejects with Problem `key_too_new`, with
   * `Retry-After`, while there may be a cache that has not seen it.
   */
  rotate(by: ChangedBy): Promise<{ active: string; retiring: string; next: string }>;
  /**
   * Emergency: withdraws a key at once, together with every token that it signed, by an entry in the revocation feed.
   * When it was the active one, the key in waiting signs from here on, however new it is. `seq` is the entry's number.
   * Rejects with Problem `not_found`.
   */
  revoke(kid: string, by: ChangedBy): Promise<{ seq: number; active: string }>;
}

/**
 * Whoever holds a stolen key can sign tokens with any expiry. The entry therefore outlives not only the tokens that we
 * know of but also every copy of the key set that a gateway may have put by (design 4.5).
 */
const KEY_ENTRY_MIN_LIFE_S = 30 * 86_400;

const SYSTEM: ChangedBy = { actor: 'system' };

/** Changes of the keys' states, each in one transaction under the lock: any instance may make them (design 4.7). */
export function createChangeKeys(deps: {
  database: Database;
  envelope: Envelope;
  clock: Clock;
  issuer: string;
  settings: KeyConfig;
}): ChangeKeys {
  const { database, envelope, clock, issuer, settings } = deps;

  return {
    async maintain() {
      const isDue = (keys: StoredSigningKey[]): boolean => dueKeyWork(keys, clock.now(), settings).length > 0;
      if (!isDue(await database.run((db) => listSigningKeys(db)))) return false;
      return locked(async (trx, keys, now) => {
        const due = dueKeyWork(keys, now.getTime(), settings); // another instance may have been faster
        for (const work of due) {
          if (work.kind === 'start') await succeed(trx, keys, SYSTEM, now);
          else if (work.kind === 'make-next') await makeNext(trx, SYSTEM, now);
          else if (work.kind === 'rotate') await rotateNow(trx, keys, SYSTEM, now);
          else await move(trx, work.kid, 'gone', SYSTEM, now);
        }
        return due.length > 0;
      });
    },

    async rotate(by) {
      const result = await locked(async (trx, keys, now) => {
        const next = keys.find((key) => key.state === 'next');
        if (next === undefined) await makeNext(trx, by, now);
        const waitMs =
          next === undefined ? publishLeadMs(settings) : usableInMs(next, now.getTime(), settings);
        return waitMs > 0 ? { waitMs } : rotateNow(trx, keys, by, now);
      });
      if ('waitMs' in result) {
        const headers = { 'retry-after': String(Math.ceil(result.waitMs / 1000)) };
        throw new Problem('key_too_new', { headers });
      }
      return result;
    },

    revoke: (kid, by) =>
      locked(async (trx, keys, now) => {
        const key = await findSigningKey(trx, kid);
        if (key === undefined) throw new Problem('not_found');
        const others = keys.filter((other) => other.kid !== kid);
        const revoked = key.state === 'gone' ? await findRevocation(trx, 'key', kid) : undefined;
        if (revoked !== undefined) return { seq: revoked, active: activeOf(others) };
        if (key.state !== 'gone') await moveSigningKey(trx, kid, 'gone', now);
        const active = key.state === 'active' ? await succeed(trx, others, by, now) : activeOf(others);
        if (key.state === 'next') await makeNext(trx, by, now);
        await insertAuditRecord(
          trx,
          { action: 'revocation.key', ...by, detail: { kid, was: key.state, active } },
          now,
        );
        const latestS = Math.max(key.tokensExpireS, Math.floor(now.getTime() / 1000) + KEY_ENTRY_MIN_LIFE_S);
        const exp = latestS + REVOCATION_MARGIN_S;
        return { seq: await insertRevocation(trx, { kind: 'key', iss: issuer, kid, exp }, now), active };
      }),
  };

  function locked<T>(work: (trx: Queries, keys: StoredSigningKey[], now: Date) => Promise<T>): Promise<T> {
    return database.transaction(async (trx) => {
      await lockFor(trx, 'signing-keys');
      return work(trx, await listSigningKeys(trx), new Date(clock.now()));
    });
  }

  async function rotateNow(trx: Queries, keys: readonly StoredSigningKey[], by: ChangedBy, now: Date) {
    const retiring = activeOf(keys);
    await move(trx, retiring, 'retiring', by, now); // first: the database takes one active key at a time
    const active = await succeed(trx, keys, by, now);
    const next = (await listSigningKeys(trx)).find((key) => key.state === 'next')?.kid ?? '';
    return { active, retiring, next };
  }

  /** Makes the key in waiting the active one, or a new one if there is none, and sees to the next. Returns its id. */
  async function succeed(
    trx: Queries,
    keys: readonly StoredSigningKey[],
    by: ChangedBy,
    now: Date,
  ): Promise<string> {
    const kid = keys.find((key) => key.state === 'next')?.kid ?? (await makeNext(trx, by, now));
    await move(trx, kid, 'active', by, now);
    await makeNext(trx, by, now);
    return kid;
  }

  async function makeNext(trx: Queries, by: ChangedBy, now: Date): Promise<string> {
    const key = await makeSigningKey(envelope, settings.algorithm);
    await insertSigningKey(trx, key, now);
    const { kid, algorithm } = key;
    await insertAuditRecord(trx, { action: 'key.created', ...by, detail: { kid, algorithm } }, now);
    return kid;
  }

  async function move(
    trx: Queries,
    kid: string,
    to: 'active' | 'retiring' | 'gone',
    by: ChangedBy,
    now: Date,
  ): Promise<void> {
    await moveSigningKey(trx, kid, to, now);
    await insertAuditRecord(trx, { action: `key.${to}`, ...by, detail: { kid } }, now);
  }
}

function activeOf(keys: readonly StoredSigningKey[]): string {
  const active = keys.find((key) => key.state === 'active');
  if (active === undefined) throw new Error('the database holds no active signing key');
  return active.kid;
}
