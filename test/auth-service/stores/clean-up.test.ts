import t from 'tap';
import { cleanUpOnce } from '../../../auth-service/stores/clean-up.js';
import { openDatabase } from '../../../auth-service/stores/database.js';
import { createLogger } from '../../../kit/logger.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { sql } from '../../fixtures/sql.js';
import { bearer, testAuthService } from '../../fixtures/test-auth-service.js';

const DAY_MS = 86_400_000;

t.test('what is over is removed, and nothing before its time', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const { clock } = auth;
  const logger = createLogger('clean-up', { level: 'silent' });
  const database = openDatabase(databaseUrl, { clock, logger });
  t.teardown(() => database.close());
  const cleanUp = () =>
    cleanUpOnce({ database, clock, logger, idleMs: 7 * DAY_MS, auditRetentionMs: 365 * DAY_MS });
  const rows = async (table: string) => (await sql(databaseUrl, `SELECT 1 FROM ${table}`)).length;

  const [ended] = [await auth.login(), await auth.login()];
  await auth.post('/auth/logout', undefined, bearer(ended.access_token));
  t.equal(await cleanUp(), 0);
  clock.shift(15 * 60_000 + 60_000);
  t.equal(await cleanUp(), 0, 'the entry outlives the token by its margin');
  clock.shift(3 * 60_000);
  t.equal(await cleanUp(), 1);
  t.strictSame([await rows('revocations'), await rows('refresh_families')], [0, 2]);
  const again = await auth.post('/auth/logout', undefined, bearer(ended.access_token));
  t.strictSame(again.json(), { revoked: true }, 'its tokens have expired: there is nothing to revoke');
  t.equal(await rows('revocations'), 0);
  clock.shift(7 * DAY_MS);
  t.equal(await cleanUp(), 2);
  t.equal(await rows('refresh_families'), 0);
});

t.test(
  'many rows go in small batches, and a locked one is left for the next time',
  needsPostgres,
  async (t) => {
    const databaseUrl = await testDatabase(t);
    const { clock } = await testAuthService(t, { databaseUrl });
    const logger = createLogger('clean-up', { level: 'silent' });
    const database = openDatabase(databaseUrl, { clock, logger });
    t.teardown(() => database.close());
    await sql(
      databaseUrl,
      `INSERT INTO revocations (kind, target, entry, expires_s, created_at)
     SELECT 'session', 's' || n, '{}', 1, now() FROM generate_series(1, 450) n`,
    );
    const cleanUp = () => cleanUpOnce({ database, clock, logger, idleMs: DAY_MS, auditRetentionMs: DAY_MS });
    await database.transaction(async (trx) => {
      await trx.selectFrom('revocations').select('seq').where('target', '=', 's1').forUpdate().execute();
      t.equal(await cleanUp(), 449);
    });
    t.equal(await cleanUp(), 1);
  },
);

t.test(
  'the audit log is added to and never changed; only the retention removes',
  needsPostgres,
  async (t) => {
    const databaseUrl = await testDatabase(t);
    const auth = await testAuthService(t, { databaseUrl });
    const { clock } = auth;
    await auth.login();
    const records = () => sql(databaseUrl, 'SELECT * FROM audit_log ORDER BY id');
    const before = await records();
    t.ok(before.length > 0);
    for (const statement of [
      `UPDATE audit_log SET actor = 'nobody'`,
      'DELETE FROM audit_log',
      'TRUNCATE audit_log',
      `INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM audit_log ON CONFLICT (id) DO UPDATE SET actor = 'x'`,
    ])
      await t.rejects(sql(databaseUrl, statement), { message: /append-only/ }, statement); // as the service's own role
    t.strictSame(await records(), before);

    const logger = createLogger('clean-up', { level: 'silent' });
    const database = openDatabase(databaseUrl, { clock, logger });
    t.teardown(() => database.close());
    const cleanUp = () =>
      cleanUpOnce({ database, clock, logger, idleMs: 7 * DAY_MS, auditRetentionMs: DAY_MS });
    await cleanUp();
    t.equal((await records()).length, before.length);
    clock.shift(2 * DAY_MS);
    await cleanUp();
    t.strictSame(await records(), []);
  },
);
