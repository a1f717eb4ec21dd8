import type { Clock } from '../kit/clock.js';
import type { Lifecycle } from '../kit/lifecycle.js';
import type { Logger } from '../kit/logger.js';
import type { AuthConfig } from './options.js';
import { type Arrival, type AwaitPublished, createAwaitPublished } from './revocation/await-published.js';
import { connectRedis } from './revocation/connect-redis.js';
import { redisList } from './revocation/redis-commands.js';
import { RedisPublisher } from './revocation/redis-publisher.js';
import { RevocationTail } from './revocation/revocation-tail.js';
import type { Database } from './stores/database.js';

/** Follows the revocations in the database, and brings them into Redis where there is one. */
export async function composeRevocations(
  config: AuthConfig,
  deps: {
    database: Database;
    clock: Clock;
    random: (size: number) => Buffer;
    logger: Logger;
    lifecycle: Lifecycle;
  },
): Promise<{ tail: RevocationTail; awaitPublished: AwaitPublished }> {
  const { database, clock, random, logger, lifecycle } = deps;
  const tail = new RevocationTail({ databaseUrl: config.databaseUrl, clock, logger });
  await tail.start();
  lifecycle.onStop('revocation tail', () => tail.stop());
  const arrivals: Arrival[] = [(seq) => tail.delivered(seq)];
  if (config.redis !== undefined) {
    const redis = connectRedis(config.redis.url, logger);
    lifecycle.onStop('redis', () => redis.close());
    const list = redisList(redis.client, config.redis.streamMaxEntries);
    const publisher = new RedisPublisher({ database, redis: list, clock, logger, random });
    redis.onReady(() => publisher.wake());
    publisher.start();
    lifecycle.onStop('redis publisher', () => publisher.stop());
    arrivals.push(() => publisher.publish());
  }
  return { tail, awaitPublished: createAwaitPublished(clock, arrivals) };
}
