import fastifyRedis, { type FastifyRedis } from '@fastify/redis';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

export interface RedisConnection {
  redis: FastifyRedis;
  /** Drops the connection; commands under way are rejected. */
  close(): void;
}

/**
 * One connection to Redis, or a rejection. @fastify/redis belongs to a server's life: it keeps that server from
 * starting while Redis is away, and ends the process when its first connection fails. So each connection is opened
 * first and then handed to a scope of its own that never listens: a gateway starts, and runs on, without Redis.
 * Nothing is queued or retried (design 5: no request waits for Redis); whoever follows Redis connects again.
 */
export async function connectRedis(url: string): Promise<RedisConnection> {
  const client = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    connectTimeout: 2000,
    commandTimeout: 3000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // Errors reject the commands; the event alone would be fatal without a listener.
  client.on('error', () => undefined);
  await client.connect();
  const scope = Fastify();
  await scope.register(fastifyRedis, { client });
  await scope.ready();
  return {
    redis: scope.redis,
    close() {
      client.disconnect();
      scope.close().catch(() => undefined);
    },
  };
}
