/**
 * Kill -9 of an auth service fifty times, in the middle of refreshes and logouts, every fifth time without Redis. Small
 * version: test/e2e/topology.test.ts.
 */
import t from 'tap';
import { needsPostgres } from '../fixtures/postgres.js';
import { needsRedis } from '../fixtures/redis.js';
import { killAuthServices, startSessionClients } from '../fixtures/session-clients.js';
import { sql } from '../fixtures/sql.js';
import { startTopology } from '../fixtures/topology.js';

const KILLS = 50;
const CLIENTS = 8;

t.test(
  'no logout that was answered is lost, no session, and no token has two successors',
  { skip: needsPostgres.skip || needsRedis.skip },
  async (t) => {
    const topology = await startTopology(t);
    const clients = startSessionClients(topology, CLIENTS);
    const caught = await killAuthServices(topology, clients, { times: KILLS, redisToo: 5 });
    const { wrongs, ...counts } = await clients.stop();
    t.strictSame(wrongs, []);
    t.equal(caught.length, KILLS);
    t.ok(counts.unanswered > KILLS, 'the kills were felt');
    t.ok(counts.logouts[202], 'and Redis was missed');
    t.strictSame(
      await sql(topology.databaseUrl, `SELECT detail FROM audit_log WHERE action = 'session.reuse'`),
      [],
    );
    const sum = (what: 'refreshes' | 'logouts') => caught.reduce((total, at) => total + at[what], 0);
    t.comment(`${KILLS} kills met ${sum('refreshes')} pairs of refreshes and ${sum('logouts')} logouts`);
    t.comment(JSON.stringify(counts));
  },
);
