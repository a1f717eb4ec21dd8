import type { Clock } from '../../kit/clock.js';
import { insertAuditRecord } from '../stores/audit.js';
import type { Database, Queries } from '../stores/database.js';
import { countSecretsToRewrap, holdSecretsToRewrap, replaceSecrets } from '../stores/refresh-families.js';
import { listSigningKeys, replacePrivateKey } from '../stores/signing-keys.js';
import { familySecretOwner } from '../tokens/issued-session.js';
import type { ChangedBy } from './change-keys.js';
import { type Envelope, EnvelopeError, type Sealed } from './envelope.js';
import { signingKeyOwner } from './signing-key.js';

export interface Rewrapped {
  /** How many of each are under the current key-encryption key now and were not before. */
  signingKeys: number;
  sessions: number;
  /** Secrets whose key-encryption key is not configured (any more). */
  unreadable: number;
  /** Where to go on, or undefined when the end has been reached. */
  after: string | undefined;
  /** At the end: how many sessions are left, because they were in use or are unreadable. */
  remaining: number | undefined;
}

/** One bounded part of the work, so that it can be stopped and resumed anywhere. Begins when `after` is left out. */
export type RewrapSecrets = (after: string | undefined, by: ChangedBy) => Promise<Rewrapped>;

const BATCH_SIZE = 200;
const BATCHES_PER_CALL = 10;
const BEFORE_ALL_IDS = '00000000-0000-0000-0000-000000000000';

/**
 * Brings everything at rest under the first of the configured key-encryption keys: the data keys are wrapped anew, the
 * secrets themselves are not touched. In small transactions beside the service's ordinary work.
 */
export function createRewrapSecrets(deps: {
  database: Database;
  envelope: Envelope;
  clock: Clock;
}): RewrapSecrets {
  const { database, envelope, clock } = deps;
  const { kekVersion } = envelope;

  return async (after, by) => {
    const done: Rewrapped = { signingKeys: 0, sessions: 0, unreadable: 0, after, remaining: undefined };
    if (after === undefined) {
      await begin(by);
      await rewrapSigningKeys(done);
    }
    for (let batch = 0; batch < BATCHES_PER_CALL; batch++) {
      await rewrapBatch(done);
      if (done.after === undefined) {
        done.remaining = await database.run((db) => countSecretsToRewrap(db, kekVersion));
        break;
      }
    }
    return done;
  };

  function begin(by: ChangedBy): Promise<void> {
    const record = { action: 'key.rewrapped', ...by, detail: { kek_version: kekVersion } } as const;
    return database.run((db) => insertAuditRecord(db, record, new Date(clock.now())));
  }

  async function rewrapSigningKeys(done: Rewrapped): Promise<void> {
    for (const { kid, privateKey } of await database.run((db) => listSigningKeys(db))) {
      if (privateKey === undefined || privateKey.kekVersion === kekVersion) continue;
      const fresh = rewrapped(privateKey, signingKeyOwner(kid));
      if (fresh === undefined) done.unreadable += 1;
      else if (await database.run((db) => replacePrivateKey(db, kid, privateKey, fresh)))
        done.signingKeys += 1;
    }
  }

  function rewrapBatch(done: Rewrapped): Promise<void> {
    return database.transaction(async (trx: Queries) => {
      const afterId = done.after ?? BEFORE_ALL_IDS;
      const held = await holdSecretsToRewrap(trx, { kekVersion, afterId, limit: BATCH_SIZE });
      const fresh = held.flatMap(({ id, secret }) => {
        const box = rewrapped(secret, familySecretOwner(id))?.box;
        return box === undefined ? [] : [{ id, box }];
      });
      await replaceSecrets(trx, kekVersion, fresh);
      done.sessions += fresh.length;
      done.unreadable += held.length - fresh.length;
      done.after = held.length < BATCH_SIZE ? undefined : held.at(-1)?.id;
    });
  }

  function rewrapped(secret: Sealed, owner: string): Sealed | undefined {
    try {
      return envelope.rewrap(secret, owner);
    } catch (error) {
      if (error instanceof EnvelopeError) return undefined;
      throw error;
    }
  }
}
