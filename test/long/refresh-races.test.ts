/**
 * Two hundred rounds of fifty refreshes of one token at once, over three instances; and a thousand refreshes of one
 * session, which leave as many rows as the first. Small versions: test/auth-service/refresh.test.ts.
 */
import { decodeJwt } from 'jose';
import t from 'tap';
import type { TokenResponse } from '../../contracts/auth-api.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { sql } from '../fixtures/sql.js';
import { type TestAuth, testAuthService } from '../fixtures/test-auth-service.js';

const ROUNDS = 200;
const PARALLEL = 50;
const REFRESHES = 1000;

async function refreshed(on: TestAuth, token: string): Promise<Required<TokenResponse>> {
  const answer = await on.refresh(token);
  if (answer.status !== 200) throw new Error(`refresh answered ${answer.status}: ${answer.text}`);
  return answer.json();
}

async function threeInstances(
  t: Parameters<typeof testAuthService>[0],
  databaseUrl: string,
): Promise<TestAuth[]> {
  const first = await testAuthService(t, { databaseUrl });
  const more = [1, 2].map(() => testAuthService(t, { databaseUrl, clock: first.clock }));
  return [first, ...(await Promise.all(more))];
}

t.test('fifty at once, two hundred times: one lineage, nobody logged out', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const instances = await threeInstances(t, databaseUrl);
  const [auth] = instances;
  if (auth === undefined) throw new Error('three instances');
  const { refresh_token, session_id } = await auth.login();
  let current = refresh_token;
  const startedAt = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    const calls = Array.from({ length: PARALLEL }, (_, i) => refreshed(instances[i % 3] ?? auth, current));
    const answers = await Promise.all(calls);
    const successors = new Set(answers.map((answer) => answer.refresh_token));
    const sessions = new Set(answers.map((answer) => answer.session_id));
    const tokenIds = new Set(answers.map((answer) => decodeJwt(answer.access_token).jti));
    if (successors.size !== 1 || sessions.size !== 1 || tokenIds.size !== PARALLEL)
      t.fail(`round ${round}: ${successors.size} successors, ${tokenIds.size} access tokens`);
    [current = ''] = successors;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  t.comment(`${ROUNDS * PARALLEL} refreshes in ${seconds.toFixed(1)} s`);
  const [family] = await sql(databaseUrl, `SELECT generation, revoked_at FROM refresh_families`);
  t.strictSame(family, { generation: ROUNDS, revoked_at: null });
  t.equal((await refreshed(auth, current)).session_id, session_id);
  t.strictSame(await sql(databaseUrl, `SELECT 1 FROM audit_log WHERE action = 'session.reuse'`), []);
});

t.test('a thousand refreshes leave as many rows as one', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  /** Of every table. */
  const rows = async () => {
    const tables = (await sql(
      databaseUrl,
      `SELECT table_name AS name FROM information_schema.tables
       WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
    )) as { name: string }[];
    const counts: Record<string, unknown> = {};
    for (const { name } of tables)
      [counts[name]] = await sql(databaseUrl, `SELECT count(*)::int AS rows FROM "${name}"`);
    return counts;
  };
  let { refresh_token: token } = await auth.login();
  ({ refresh_token: token } = await refreshed(auth, token));
  const afterOne = await rows();
  for (let i = 1; i < REFRESHES; i++) ({ refresh_token: token } = await refreshed(auth, token));
  t.strictSame(await rows(), afterOne);
  t.match(afterOne, { refresh_families: { rows: 1 }, users: { rows: 1 } });
});
