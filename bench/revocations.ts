/**
 * A million revocations: bytes an entry, time of a look-up, and how long a gateway takes to read them from Redis.
 * `npx tsx --expose-gc bench/revocations.ts [entries]`; needs redis-server on PATH.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import {
  encodeRevocation,
  REVOCATION_REDIS,
  type RevocationEntry,
  redisHistoryId,
} from '../contracts/revocation.js';
import { connectRedis } from '../gateway/adapters/redis-connection.js';
import { createRedisRevocationFeed } from '../gateway/adapters/redis-revocation-feed.js';
import { RevocationReplica } from '../gateway/adapters/revocation-replica.js';
import type { VerifiedToken } from '../gateway/pipeline/states.js';
import { systemClock } from '../kit/clock.js';
import { createLogger } from '../kit/logger.js';

const ENTRIES = Number(process.argv[2] ?? 1_000_000);
const ISSUER = 'https://issuer.example';
const EXP = Math.floor(Date.now() / 1000) + 3600;

const session = (): RevocationEntry => ({
  kind: 'session',
  iss: ISSUER,
  sid: randomBytes(16).toString('base64url'),
  exp: EXP,
});

async function startRedis(): Promise<{ url: string; stop: () => void }> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  const child = spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  });
  const url = `redis://127.0.0.1:${port}`;
  for (;;) {
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    const isUp = await client.connect().then(
      () => true,
      () => false,
    );
    client.disconnect();
    if (isUp) return { url, stop: () => child.kill() };
  }
}

async function seed(url: string): Promise<string[]> {
  const client = new Redis(url);
  const sids: string[] = [];
  for (let done = 0; done < ENTRIES; ) {
    const pipeline = client.pipeline();
    for (let i = 0; i < 10_000 && done < ENTRIES; i++, done++) {
      const entry = session();
      if (entry.kind === 'session' && done % 1000 === 0) sids.push(entry.sid);
      pipeline.zadd(REVOCATION_REDIS.set, EXP, encodeRevocation(entry));
    }
    await pipeline.exec();
  }
  const seeded = redisHistoryId(await client.info('replication'));
  await client.hset(REVOCATION_REDIS.meta, { epoch: 'bench', number: '0', seeded });
  client.disconnect();
  return sids;
}

const memory = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
};

const redis = await startRedis();
const sids = await seed(redis.url);
const before = memory();
const startedAt = performance.now();
const replica = new RevocationReplica({
  primary: createRedisRevocationFeed({ connect: () => connectRedis(redis.url) }),
  clock: systemClock,
  logger: createLogger('bench', { level: 'warn' }),
});
replica.start();
while (!replica.synced) await new Promise((resolve) => setTimeout(resolve, 10));
const syncMs = performance.now() - startedAt;
const bytesPerEntry = (memory() - before) / replica.size;

const token: VerifiedToken = {
  issuer: ISSUER,
  subject: 'user',
  expiresAt: EXP,
  issuedAt: EXP - 900,
  client: 'client',
  session: 'not-revoked',
  tokenId: 'not-revoked',
  version: 1,
  keyId: 'key',
  scopes: [],
  roles: [],
  claims: {},
};
const LOOKUPS = 5_000_000;
let found = 0;
const lookupsAt = performance.now();
for (let i = 0; i < LOOKUPS; i++) {
  token.session = sids[i % sids.length];
  if (replica.find(token) !== undefined) found += 1;
}
const lookupNs = ((performance.now() - lookupsAt) * 1e6) / LOOKUPS;
process.stdout.write(
  `${replica.size} entries held, ${found === LOOKUPS ? 'every' : 'NOT every'} revoked session found\n` +
    `start from Redis: ${(syncMs / 1000).toFixed(2)} s\n` +
    `memory: ${bytesPerEntry.toFixed(0)} bytes an entry (${((bytesPerEntry * replica.size) / 2 ** 20).toFixed(0)} MiB)\n` +
    `look-up: ${lookupNs.toFixed(0)} ns\n`,
);
await replica.stop();
redis.stop();
