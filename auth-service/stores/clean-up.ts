import { REVOCATION_MARGIN_S } from '../../contracts/revocation.js';
import { type Clock, pause } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import { removeForgottenCounters } from './attempt-counters.js';
import { removeOldAuditRecords } from './audit.js';
import type { Database, Queries } from './database.js';
import { removeExpiredPasswordResets } from './password-resets.js';
import { removeFinishedFamilies } from './refresh-families.js';
import { removeExpiredRevocations } from './revocations.js';
import { removeExpiredAssertions } from './used-assertions.js';

const INTERVAL_MS = 60_000;
const PAUSE_BETWEEN_BATCHES_MS = 50;
const BATCH_SIZE = 200;
/** Clocks of instances differ a little; nobody is in a hurry. */
const SLACK_S = 60;

export interface CleanUpDeps {
  database: Database;
  clock: Clock;
  logger: Logger;
  /** A family that was not refreshed for this long has ended. */
  idleMs: number;
  /** Audit records are kept for this long. */
  auditRetentionMs: number;
}

/**
 * Removes what is over, in small batches with pauses in between, each a transaction of its own that waits for no lock.
 * Returns how many rows went.
 */
export async function cleanUpOnce(deps: CleanUpDeps, signal?: AbortSignal): Promise<number> {
  const nowMs = deps.clock.now();
  const beforeS = Math.floor(nowMs / 1000) - SLACK_S;
  const families = {
    lastUsedMs: nowMs - deps.idleMs - SLACK_S * 1000,
    accessExpiresS: beforeS - REVOCATION_MARGIN_S,
  };
  const removeAll = async (removeBatch: (db: Queries) => Promise<number>): Promise<number> => {
    let removed = 0;
    while (signal?.aborted !== true) {
      const batch = await deps.database.run(removeBatch);
      removed += batch;
      if (batch < BATCH_SIZE) break;
      await pause(deps.clock, PAUSE_BETWEEN_BATCHES_MS, signal);
    }
    return removed;
  };
  const auditBeforeMs = nowMs - deps.auditRetentionMs;
  const revocations = await removeAll((db) => removeExpiredRevocations(db, beforeS, BATCH_SIZE));
  const records = await removeAll((db) => removeOldAuditRecords(db, auditBeforeMs, BATCH_SIZE));
  const links = await removeAll((db) => removeExpiredPasswordResets(db, beforeS * 1000, BATCH_SIZE));
  const counters = await removeAll((db) => removeForgottenCounters(db, beforeS * 1000, BATCH_SIZE));
  const assertions = await removeAll((db) => removeExpiredAssertions(db, beforeS * 1000, BATCH_SIZE));
  const ended = await removeAll((db) => removeFinishedFamilies(db, families, BATCH_SIZE));
  return revocations + records + links + counters + assertions + ended;
}

/** Cleans up each minute. Returns what stops it. */
export function keepCleanedUp(deps: CleanUpDeps): () => Promise<void> {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await pause(deps.clock, INTERVAL_MS, stopping.signal);
      if (stopping.signal.aborted) break;
      await cleanUpOnce(deps, stopping.signal).catch((err: unknown) =>
        deps.logger.warn({ err }, 'clean-up has to wait'),
      );
    }
  })();
  return () => {
    stopping.abort();
    return running;
  };
}
