import type { Dispatcher } from 'undici';
import type { RevocationEntry, RevocationFeed } from '../../contracts/revocation.js';
import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { Revocations } from '../pipeline/ports.js';
import { createHttpRevocationFeed } from './http-revocation-feed.js';
import { connectRedis } from './redis-connection.js';
import { createRedisRevocationFeed } from './redis-revocation-feed.js';
import { RevocationLookup } from './revocation-lookup.js';
import { RevocationReplica } from './revocation-replica.js';

/** What answers for revocations, with a life of its own. */
export interface RevocationSource extends Revocations {
  start(): void;
  stop(): Promise<void>;
  /** It knows of everything that is revoked; a gateway is not ready before. */
  readonly synced: boolean;
  /** Entries held in memory. */
  readonly size: number;
  /** From the publication of the newest entry to its being in force here; undefined where no feed says when. */
  readonly lagMs: number | undefined;
}

export interface RevocationSourceOptions {
  mode: 'replica' | 'lookup' | 'off';
  /** Empty: no Redis. */
  redisUrl: string;
  /** The auth service's feed when it runs in the same process. */
  inProcess: RevocationFeed | undefined;
  /** The auth service's internal listener. */
  internal: { origin: string; dispatcher: Dispatcher };
  /** Told each entry as it comes in; the same one may come again. */
  onEntry: (entry: RevocationEntry) => void;
  clock: Clock;
  logger: Logger;
}

/**
 * The copy, fed in the same process where there is one, else by Redis with the internal listener behind it, else by that
 * listener alone; or Redis asked on each request; or, written out in config, nothing.
 */
export function createRevocationSource(options: RevocationSourceOptions): RevocationSource {
  const { mode, redisUrl, inProcess, internal, onEntry, clock, logger } = options;
  if (mode === 'off') return NO_REVOCATIONS;
  if (mode === 'lookup')
    return new RevocationLookup({ connect: () => connectRedis(redisUrl), clock, logger });
  if (inProcess !== undefined) return new RevocationReplica({ primary: inProcess, onEntry, clock, logger });
  const fallback = createHttpRevocationFeed(internal.origin, internal.dispatcher);
  if (redisUrl === '') return new RevocationReplica({ primary: fallback, onEntry, clock, logger });
  const primary = createRedisRevocationFeed({ connect: () => connectRedis(redisUrl) });
  return new RevocationReplica({ primary, fallback, onEntry, clock, logger });
}

/** `mode: off`: tokens live to their expiry. */
const NO_REVOCATIONS: RevocationSource = {
  find: () => undefined,
  ageMs: () => 0,
  start: () => undefined,
  stop: async () => undefined,
  synced: true,
  size: 0,
  lagMs: undefined,
};
