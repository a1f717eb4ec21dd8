import { randomBytes } from 'node:crypto';
import t from 'tap';
import { createEnvelope } from '../../../auth-service/keys/envelope.js';
import { openDatabase } from '../../../auth-service/stores/database.js';
import { insertFamily } from '../../../auth-service/stores/refresh-families.js';
import { familySecretOwner } from '../../../auth-service/tokens/issued-session.js';
import { newUuid } from '../../../auth-service/tokens/new-uuid.js';
import type { AdminRewrapped } from '../../../contracts/admin-keys.js';
import { systemClock } from '../../../kit/clock.js';
import { createLogger } from '../../../kit/logger.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { sql } from '../../fixtures/sql.js';
import { testAuthService } from '../../fixtures/test-auth-service.js';

const first = { version: 1, key: randomBytes(32) };
const second = { version: 2, key: randomBytes(32) };
const SESSIONS = 450;

t.test('a key-encryption key goes out of use', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const start = (encryptionKeys: (typeof first)[]) =>
    testAuthService(t, { databaseUrl, change: (config) => ({ ...config, encryptionKeys }) });
  const old = await start([first]);
  const sessions = [await old.login(), await old.login()];
  const [{ user_id: userId = '' } = {}] = (await sql(
    databaseUrl,
    'SELECT user_id FROM refresh_families',
  )) as {
    user_id: string;
  }[];
  const database = openDatabase(databaseUrl, {
    clock: systemClock,
    logger: createLogger('rewrap', { level: 'silent' }),
  });
  t.teardown(() => database.close());
  const addSession = (secretSealer = createEnvelope([first], randomBytes)) => {
    const id = newUuid(randomBytes);
    const secret = secretSealer.seal(randomBytes(32), familySecretOwner(id));
    const family = {
      id,
      userId,
      clientId: 'c',
      tokenVersion: 1,
      secret,
      createdAtMs: Date.now(),
      accessExpiresS: 1,
    };
    return database.run((db) => insertFamily(db, family));
  };
  for (let i = sessions.length; i < SESSIONS; i++) await addSession();
  const versions = () =>
    sql(
      databaseUrl,
      `SELECT kek, count(*)::int AS n FROM (
         SELECT secret_kek_version AS kek FROM refresh_families
         UNION ALL SELECT private_key_kek_version FROM signing_keys WHERE private_key_box IS NOT NULL
       ) AS all_secrets GROUP BY kek ORDER BY kek`,
    );
  const both = await start([second, first]);
  const rewrap = async (after?: string | null) =>
    (await both.admin('POST', '/keys/rewrap', after ? { after } : {})).json<AdminRewrapped>();

  t.test('all of it is wrapped anew, while it is in use, and rows in use are passed over', async (t) => {
    t.strictSame(await versions(), [{ kek: 1, n: SESSIONS + 2 }]);
    const inUse = sessions[0]?.session_id ?? '';
    const done = await database.transaction(async (trx) => {
      await trx.selectFrom('refresh_families').select('id').where('id', '=', inUse).forUpdate().execute();
      return rewrap();
    });
    t.strictSame(done, { signing_keys: 2, sessions: SESSIONS - 1, unreadable: 0, after: null, remaining: 1 });
    const { refresh_token } = (await both.refresh(sessions[1]?.refresh_token ?? '')).json<{
      refresh_token: string;
    }>();
    t.match(await rewrap(), { signing_keys: 0, sessions: 1, remaining: 0 });
    t.strictSame(await versions(), [{ kek: 2, n: SESSIONS + 2 }]);
    const without = await start([second]);
    t.equal((await without.refresh(refresh_token)).status, 200, 'the old key is needed no more');
    t.equal((await without.refresh(sessions[0]?.refresh_token ?? '')).status, 200);
    t.match(await sql(databaseUrl, `SELECT actor, detail FROM audit_log WHERE action = 'key.rewrapped'`), [
      { actor: 'operator', detail: { kek_version: 2 } },
      {},
    ]);
  });

  t.test('what no configured key opens is told and stays', async (t) => {
    await addSession(createEnvelope([{ version: 9, key: randomBytes(32) }], randomBytes));
    await addSession();
    t.match(await rewrap(), { sessions: 1, unreadable: 1, after: null, remaining: 1 });
  });

  t.test('a call does a bounded part, and the next goes on from there', async (t) => {
    await sql(
      databaseUrl,
      `INSERT INTO refresh_families (id, user_id, client_id, token_version, secret_box, secret_kek_version,
         created_at, last_used_at, access_expires_s)
       SELECT gen_random_uuid(), '${userId}', 'c', 1, '\\x00', 7, now(), now(), 1 FROM generate_series(1, 2300)`,
    );
    const part = await rewrap();
    t.match(part, { unreadable: 2000, after: /^[0-9a-f-]{36}$/, remaining: null });
    t.match(await rewrap(part.after), { unreadable: 301, after: null, remaining: 2301 });
  });
});
