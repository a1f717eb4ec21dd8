import fastifyRedis from '@fastify/redis';
import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from '../../kit/logger.js';
import type { RedisClient } from './redis-commands.js';

const COMMAND_TIMEOUT_MS = 1000;
const CONNECT_TIMEOUT_MS = 2000;
const MAX_RECONNECT_DELAY_MS = 1000;
/** A connection that has not answered for this long is given up for a new one. */
const SILENCE_TIMEOUT_MS = 5000;

export interface RedisConnection {
  client: RedisClient;
  /** Calls `listener` each time the connection is there (again). */
  onReady(listener: () => void): void;
  close(): Promise<void>;
}

/**
 * A connection that may be down: it is not waited for, commands fail at once or within a second, and it comes back by
 * itself. It lives in a Fastify instance of its own, because the plugin holds up the start of the instance it is
 * registered with until Redis answers, and a service without Redis has to start.
 */
export function connectRedis(url: string, logger: Logger): RedisConnection {
  const host: FastifyInstance = fastify({ logger: false });
  fastifyRedis(
    host,
    {
      url,
      connectionName: 'gatehouse-auth-service',
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_TIMEOUT_MS,
      retryStrategy: (attempt) => Math.min(attempt * 100, MAX_RECONNECT_DELAY_MS),
    },
    () => undefined,
  );
  const client = host.redis;
  client.on('error', (err) => logger.debug({ err }, 'redis connection'));
  return {
    client,
    onReady: (listener) => void client.on('ready', listener),
    async close() {
      client.disconnect();
      await host.close().catch(() => undefined); // its goodbye to Redis finds the connection closed already
    },
  };
}
