import { decodeJwt } from 'jose';
import type { Test } from 'tap';
import t from 'tap';
import { type Database, openDatabase } from '../../../auth-service/stores/database.js';
import { endFamily } from '../../../auth-service/stores/end-families.js';
import {
  advanceFamily,
  extendFamilyAccess,
  findFamily,
} from '../../../auth-service/stores/refresh-families.js';
import { insertRevocation, listRevocations } from '../../../auth-service/stores/revocations.js';
import { holdAccount } from '../../../auth-service/stores/users.js';
import { systemClock } from '../../../kit/clock.js';
import { createLogger } from '../../../kit/logger.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { sql } from '../../fixtures/sql.js';
import { bearer, testAuthService } from '../../fixtures/test-auth-service.js';

function open(t: Pick<Test, 'teardown'>, url: string): Database {
  const database = openDatabase(url, {
    clock: systemClock,
    logger: createLogger('stores', { level: 'silent' }),
  });
  t.teardown(() => database.close());
  return database;
}

/** `waits` once some statement waits for a lock, or `ends` when the work ends before that. */
async function waitsForLock(databaseUrl: string, work: Promise<unknown>): Promise<'waits' | 'ends'> {
  let hasEnded = false;
  const ended = work.then(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    const waiting = await sql(
      databaseUrl,
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (waiting.length > 0) return 'waits';
  }
  await ended;
  return 'ends';
}

t.test('what concurrent transactions may not do', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const database = open(t, databaseUrl);

  t.test('a family moves on from each generation once, and not at all when it has ended', async (t) => {
    const { session_id: id } = await auth.login();
    const from = { ip: '192.0.2.1', userAgent: undefined };
    const advance = (generation: number, tokenVersion = 1) =>
      database.run((db) =>
        advanceFamily(
          db,
          { id, generation, tokenVersion },
          { nowMs: 5000, accessExpiresS: 1, costMs: 1, from },
        ),
      );
    const extend = (generation: number, expiresS: number) =>
      database.run((db) =>
        extendFamilyAccess(
          db,
          { id, generation, tokenVersion: 1 },
          { nowMs: 5000, accessExpiresS: expiresS, costMs: 1 },
        ),
      );
    t.strictSame(await Promise.all([advance(0), advance(0), advance(0)]).then((all) => all.sort()), [
      false,
      false,
      true,
    ]);
    t.equal(await advance(1, 2), false, 'under another token version');
    t.equal(await advance(1), true);
    t.equal(await advance(0), false);
    t.equal(await advance(1), false);
    t.equal(await extend(1, 1), false);
    t.equal(await extend(2, 4_000_000_000), true);
    t.match(await database.run((db) => findFamily(db, id)), { generation: 2, rotatedAtMs: 5000 });
    t.equal(
      await database.transaction((trx) => endFamily(trx, id, 'logout', 1)),
      4_000_000_000,
      'the latest expiry',
    );
    t.equal(await database.transaction((trx) => endFamily(trx, id, 'logout', 1)), undefined);
    t.equal(await advance(2), false);
    t.equal(await extend(2, 1), false);
  });

  t.test('a logout-all waits for a login that is about to add its session', async (t) => {
    const { access_token } = await auth.login();
    const { sub = '' } = decodeJwt(access_token);
    let all: Promise<unknown> | undefined;
    await database.transaction(async (trx) => {
      await holdAccount(trx, sub);
      all = auth.post('/auth/logout-all', undefined, bearer(access_token));
      t.equal(await waitsForLock(databaseUrl, all), 'waits');
    });
    t.match(await all, { status: 200 });
  });

  t.test('revocations get their numbers in the order of their commits', async (t) => {
    const insert = (db: Parameters<typeof insertRevocation>[0], sid: string) =>
      insertRevocation(db, { kind: 'session', iss: 'i', sid, exp: 4_000_000_000 }, new Date());
    let second: Promise<number> | undefined;
    await database.transaction(async (trx) => {
      await insert(trx, 'first');
      second = database.transaction((other) => insert(other, 'second'));
      t.equal(await waitsForLock(databaseUrl, second), 'waits');
    });
    await second;
    const listed = await database.run((db) =>
      listRevocations(db, { afterSeq: 0, nowS: 3_999_999_999, limit: 9 }),
    );
    t.match(listed.map(({ entry }) => entry).slice(-2), [/first/, /second/]);
  });
});
