/**
 * Redis flushed, restarted from an old snapshot and failed over with lost writes, again and again, while revocations
 * are live, one gateway is running and one is starting. Small version: test/e2e/topology.test.ts.
 */
import t from 'tap';
import { needsPostgres } from '../fixtures/postgres.js';
import { needsRedis } from '../fixtures/redis.js';
import { loseRedisWrites, REDIS_FAULTS } from '../fixtures/redis-faults.js';
import { startTopology } from '../fixtures/topology.js';

const ROUNDS = 3;

t.test(
  'no gateway lets a revoked token in, whatever Redis forgets',
  { skip: needsPostgres.skip || needsRedis.skip },
  async (t) => {
    const topology = await startTopology(t);
    for (const authServices of ['there', 'away'] as const) {
      for (const fault of REDIS_FAULTS) {
        for (let round = 1; round <= ROUNDS; round++) {
          const outcome = await loseRedisWrites(topology, fault, { authServices });
          const { atStarting, latestAtRunningMs, latestAtStartingMs, answers, logouts } = outcome;
          const name = `${fault}, auth services ${authServices}`;
          t.strictSame(atStarting, [], `${name}: nobody at the gateway that starts`);
          t.ok(latestAtRunningMs < 1000, `${name}: ${latestAtRunningMs} ms at the gateway that runs`);
          t.ok(latestAtStartingMs < 1000, `${name}: ${latestAtStartingMs} ms at the one that starts`);
          t.comment(
            `${name}: ${JSON.stringify({ latestAtRunningMs, latestAtStartingMs, answers, logouts })}`,
          );
        }
      }
    }
  },
);
