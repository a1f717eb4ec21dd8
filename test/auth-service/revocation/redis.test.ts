import { Redis } from 'ioredis';
import t from 'tap';
import { redisList } from '../../../auth-service/revocation/redis-commands.js';
import {
  decodeRevocation,
  encodeRevocation,
  REVOCATION_REDIS,
  redisHistoryId,
} from '../../../contracts/revocation.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { needsRedis, type TestRedis, testRedis } from '../../fixtures/redis.js';
import { sql } from '../../fixtures/sql.js';
import { bearer, type TestAuth, testAuthService } from '../../fixtures/test-auth-service.js';

const { set, stream, meta } = REVOCATION_REDIS;
const needs = { skip: needsPostgres.skip || needsRedis.skip };

async function logout(auth: TestAuth): Promise<{ sid: string; status: number }> {
  const { access_token, session_id } = await auth.login();
  const { status } = await auth.post('/auth/logout', undefined, bearer(access_token));
  return { sid: session_id, status };
}

/** What a gateway would read. */
async function held(redis: TestRedis) {
  const client = new Redis(redis.url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined);
  await client.connect();
  const [replication, members, entries, { epoch = '', number = '', seeded }] = await Promise.all([
    client.info('replication'),
    client.zrange(set, '0', '-1', 'WITHSCORES'),
    client.xrange(stream, '-', '+'),
    client.hgetall(meta),
  ]);
  client.disconnect();
  const scores = new Map<string, number>();
  for (let i = 0; i < members.length; i += 2) scores.set(members[i] ?? '', Number(members[i + 1]));
  return {
    sids: [...scores.keys()].map(sidOf),
    scores,
    stream: entries.map(([, fields]) => {
      const { n, e, d = '' } = Object.fromEntries(pairs(fields));
      return { n: Number(n), e, sid: sidOf(d) };
    }),
    epoch,
    number: Number(number),
    isSeeded: seeded !== undefined && seeded === redisHistoryId(replication),
  };
}

const pairs = (list: readonly string[]): [string, string][] =>
  list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? ''] as [string, string]] : []));

function sidOf(text: string): string | undefined {
  const entry = decodeRevocation(text);
  return entry?.kind === 'session' ? entry.sid : undefined;
}

/** Looks until it holds: the service works at its own pace. tap's time-out ends a wait that is in vain. */
async function eventually<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look().catch(() => undefined);
    if (seen !== undefined && holds(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

const allPublished = (databaseUrl: string) => async () =>
  ((await sql(databaseUrl, 'SELECT 1 FROM revocations WHERE NOT published')) as unknown[]).length === 0;

t.test('publishing to Redis', needs, async (t) => {
  const [databaseUrl, redis] = [await testDatabase(t), await testRedis(t)];
  const auth = await testAuthService(t, { databaseUrl, redisUrl: redis.url });
  const other = await testAuthService(t, { databaseUrl, redisUrl: redis.url });

  t.test('an empty list is seeded too', async (t) => {
    const { sids, number } = await eventually(
      () => held(redis),
      ({ isSeeded }) => isSeeded,
    );
    t.match({ sids, number }, { sids: [], number: 0 });
  });

  t.test('200 says that set and stream have it, with numbers that never skip on any instance', async (t) => {
    const done: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { sid, status } = await logout(i % 2 === 0 ? auth : other);
      t.equal(status, 200);
      done.push(sid);
      t.ok((await held(redis)).sids.includes(sid), 'at once');
    }
    await Promise.all(Array.from({ length: 12 }, (_, i) => logout(i % 2 === 0 ? auth : other)));
    const now = await held(redis);
    t.equal(now.sids.length, 18);
    t.equal(now.number, now.stream.at(-1)?.n);
    t.strictSame(
      now.stream.map(({ n }) => n),
      Array.from({ length: 18 }, (_, n) => n + 1),
    );
    t.strictSame(new Set(now.stream.map(({ e }) => e)), new Set([now.epoch]));
    t.strictSame(
      now.stream.slice(0, 6).map(({ sid }) => sid),
      done,
    );
    for (const [member, score] of now.scores) t.equal(score, decodeRevocation(member)?.exp);
    t.ok(await allPublished(databaseUrl)());
  });

  t.test('a flush is noticed within seconds: the whole list again, under a new epoch', async (t) => {
    const before = await held(redis);
    await redis.command('FLUSHALL');
    const after = await eventually(
      () => held(redis),
      ({ isSeeded }) => isSeeded,
    );
    t.not(after.epoch, before.epoch);
    t.strictSame(new Set(after.sids), new Set(before.sids));
    t.equal(after.number, before.sids.length);
  });

  t.test('an old snapshot or a failover that lost writes is noticed by its number', async (t) => {
    const old = (await held(redis)).number;
    const { sid } = await logout(auth);
    const { epoch, scores } = await held(redis);
    const lost = [...scores.keys()].find((member) => sidOf(member) === sid) ?? '';
    await redis.command(
      'EVAL',
      `redis.call('ZREM', KEYS[1], ARGV[1]) redis.call('HSET', KEYS[2], 'number', ARGV[2])`,
      2,
      set,
      meta,
      lost,
      old,
    );
    const after = await eventually(
      () => held(redis),
      (now) => now.epoch !== epoch && now.isSeeded,
    );
    t.ok(after.sids.includes(sid));
  });

  t.test('a seed that was cut short is done again', async (t) => {
    const { epoch } = await held(redis);
    await redis.command('HSET', meta, 'epoch', 'half-done', 'number', '0');
    await redis.command('HDEL', meta, 'seeded');
    const after = await eventually(
      () => held(redis),
      ({ isSeeded }) => isSeeded,
    );
    t.notOk([epoch, 'half-done'].includes(after.epoch));
  });

  t.test('a list of another epoch, or a Redis that has restarted, is not taken for ours', async (t) => {
    const { epoch } = await held(redis);
    await redis.command('HSET', meta, 'epoch', 'another');
    const second = await eventually(
      () => held(redis),
      (now) => now.epoch !== 'another' && now.isSeeded,
    );
    t.not(second.epoch, epoch);
    await sql(databaseUrl, `UPDATE revocation_publication SET run_id = 'before the restart'`);
    await eventually(
      () => held(redis),
      (now) => now.epoch !== second.epoch && now.isSeeded,
    );
  });

  t.test(
    'Redis frozen: logins and refreshes do not wait, a logout is 202 and gets through later',
    async (t) => {
      const { refresh_token } = await auth.login();
      redis.pause();
      t.teardown(() => redis.resume());
      const since = performance.now();
      const { sid, status } = await logout(auth);
      t.equal(status, 202);
      t.ok(performance.now() - since < 2000, 'bounded');
      const before = performance.now();
      t.equal((await other.refresh(refresh_token)).status, 200);
      await auth.login();
      t.ok(performance.now() - before < 900, 'nobody waits for Redis');
      redis.resume();
      const after = await eventually(
        () => held(redis),
        (now) => now.sids.includes(sid) && now.isSeeded,
      );
      t.ok(after);
      await eventually(allPublished(databaseUrl), (done) => done);
    },
  );

  t.test('Redis down: 202, then published by itself once it is back; a start does not need it', async (t) => {
    const known = (await held(redis)).sids;
    await redis.kill();
    const { sid, status } = await logout(auth);
    t.equal(status, 202);
    const pending = await logout(other);
    const third = await testAuthService(t, { databaseUrl, redisUrl: redis.url });
    t.equal((await logout(third)).status, 202);
    await redis.start();
    const after = await eventually(
      () => held(redis),
      ({ isSeeded }) => isSeeded,
    );
    t.ok(
      [...known, sid, pending.sid].every((one) => after.sids.includes(one)),
      'it came back empty, and is whole',
    );
    await eventually(allPublished(databaseUrl), (done) => done);
    t.equal(
      (
        await eventually(
          () => logout(auth),
          (answer) => answer.status === 200,
        )
      ).status,
      200,
    );
  });

  t.test('a logout that was pending says so until it is done, then 200', async (t) => {
    const { access_token } = await auth.login();
    const again = () => auth.post('/auth/logout', undefined, bearer(access_token));
    await redis.kill();
    const first = await again();
    t.strictSame([first.status, first.json()], [202, { pending: true }]);
    t.equal((await again()).status, 202);
    await redis.start();
    const last = await eventually(again, (answer) => answer.status === 200);
    t.strictSame(last.json(), { revoked: true });
  });
});

t.test('the script adds everything or nothing, and only to the list it was meant for', needs, async (t) => {
  const redis = await testRedis(t);
  const client = new Redis(redis.url);
  t.teardown(() => client.disconnect());
  await client.ping();
  const list = redisList(client, 100);
  const exp = 4_000_000_000;
  const entryOf = (sid: string) => ({
    entry: encodeRevocation({ kind: 'session', iss: 'i', sid, exp }),
    expiresS: exp,
  });
  await list.begin('e1');
  t.equal(await list.append({ epoch: 'e1', number: 0, nowS: 1 }, [entryOf('a')]), 1);
  const before = await held(redis);
  for (const at of [
    { epoch: 'e1', number: 0 },
    { epoch: 'e1', number: 2 },
    { epoch: 'e0', number: 1 },
  ]) {
    await t.rejects(list.append({ ...at, nowS: 1 }, [entryOf('b')]), {
      name: 'PublicationConflictError',
    });
    await t.rejects(list.markSeeded(at, 'h'), { name: 'PublicationConflictError' });
  }
  t.strictSame(await held(redis), before);
  await list.markSeeded({ epoch: 'e1', number: 1 }, (await list.read()).historyId);
  t.match(await list.read(), { epoch: 'e1', number: 1, isSeeded: true, runId: /^[0-9a-f]{40}$/ });
  await list.begin('e2');
  t.match(await list.read(), { epoch: 'e2', number: 0, isSeeded: false });
  t.equal((await held(redis)).stream.length, 1, 'stream ids go on growing');
});

t.test('the stream is trimmed, and what has expired leaves the set', needs, async (t) => {
  const [databaseUrl, redis] = [await testDatabase(t), await testRedis(t)];
  const auth = await testAuthService(t, {
    databaseUrl,
    redisUrl: redis.url,
    change: (config) => ({ ...config, redis: { url: redis.url, streamMaxEntries: 100 } }),
  });
  const exp = Math.floor(Date.now() / 1000) + 3600;
  await sql(
    databaseUrl,
    `INSERT INTO revocations (kind, target, entry, expires_s, created_at)
     SELECT 'session', 's' || n, '{"exp":${exp},"iss":"i","kind":"session","sid":"s' || n || '"}', ${exp}, now()
     FROM generate_series(1, 600) n`,
  );
  const { sid } = await logout(auth);
  const now = await held(redis);
  t.equal(now.sids.length, 601);
  t.ok(now.stream.length < 300, `${now.stream.length} in the stream`);
  t.equal(now.stream.at(-1)?.sid, sid);
  auth.clock.shift(2 * 3_600_000);
  const later = await logout(auth);
  t.strictSame((await held(redis)).sids, [later.sid]);
});
