import t from 'tap';
import { followed } from '../../fixtures/followed.js';
import { readHttpFeed } from '../../fixtures/http-feed.js';
import { mtlsRequest } from '../../fixtures/mtls-request.js';
import { needsPostgres, testDatabase, testPostgres } from '../../fixtures/postgres.js';
import { sql } from '../../fixtures/sql.js';
import { bearer, ISSUER, type TestAuth, testAuthService } from '../../fixtures/test-auth-service.js';

const logout = async (auth: TestAuth): Promise<string> => {
  const { access_token, session_id } = await auth.login();
  const { status } = await auth.post('/auth/logout', undefined, bearer(access_token));
  if (status !== 200) throw new Error(`logout answered ${status}`);
  return session_id;
};
const sids = (entries: readonly object[]): unknown[] => entries.map((entry) => 'sid' in entry && entry.sid);

/** Adds entries as another instance would, but many. */
const insertMany = (databaseUrl: string, count: number, exp: number) =>
  sql(
    databaseUrl,
    `INSERT INTO revocations (kind, target, entry, expires_s, created_at)
     SELECT 'session', 's' || n, '{"exp":${exp},"iss":"${ISSUER}","kind":"session","sid":"s' || n || '"}', ${exp}, now()
     FROM generate_series(1, ${count}) n`,
    `NOTIFY gatehouse_revocations`,
  );

t.test('the feed', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const other = await testAuthService(t, { databaseUrl });

  t.test(
    'over HTTP: the whole list, then what commits on any instance, in order, and a ping each second',
    async (t) => {
      const before = [await logout(auth), await logout(other)];
      const feed = await readHttpFeed(auth.gateway, auth.internalUrl);
      t.teardown(() => feed.close());
      t.equal(feed.response.headers['content-type'], 'application/x-ndjson');
      t.equal(feed.response.headers.connection, 'close', 'its connection keeps no stop waiting');
      await feed.until((message) => 'synced' in message);
      t.strictSame(sids(feed.entries), before);
      const after: string[] = [];
      for (const instance of [other, auth, other]) after.push(await logout(instance));
      if (feed.entries.length < 5) await feed.until(() => feed.entries.length === 5);
      t.strictSame(sids(feed.entries), [...before, ...after]);
      await feed.until((message) => 'ping' in message);
      await feed.until((message) => 'ping' in message);
    },
  );

  t.test('in the process: the same, after a restart too', async (t) => {
    const sid = await logout(other);
    const { sink, end } = followed(auth.revocations);
    t.equal(sink.syncs, 1, 'synced at once, from memory');
    const next = await logout(auth);
    t.strictSame(sids(sink.entries).slice(-2), [sid, next]);
    await end();
    const restarted = await testAuthService(t, { databaseUrl });
    const again = followed(restarted.revocations);
    t.strictSame(sids(again.sink.entries), sids(sink.entries));
    const stopped = t.rejects(again.ended, { message: /stopping/ });
    await restarted.stop();
    await stopped;
  });

  t.test('numbers follow commits: concurrent logouts on two instances are seen whole by both', async (t) => {
    const feeds = [followed(auth.revocations), followed(other.revocations)];
    t.teardown(() => Promise.all(feeds.map((feed) => feed.end())));
    const done = await Promise.all(Array.from({ length: 30 }, (_, i) => logout(i % 2 === 0 ? auth : other)));
    const last = await logout(auth);
    await logout(other);
    for (const { sink } of feeds) {
      const seen = sids(sink.entries);
      t.ok(done.concat(last).every((sid) => seen.includes(sid)));
      t.equal(new Set(seen).size, seen.length);
    }
  });

  t.test('a long list comes whole', async (t) => {
    await insertMany(databaseUrl, 20_000, Math.floor(Date.now() / 1000) + 3600);
    const last = await logout(auth);
    const feed = await readHttpFeed(auth.gateway, auth.internalUrl);
    await feed.until((message) => 'synced' in message);
    t.ok(feed.entries.length > 20_000);
    t.equal(new Set(sids(feed.entries)).size, feed.entries.length);
    t.equal(sids(feed.entries).at(-1), last);
    feed.close();
  });

  t.test('a stop ends it, so that the gateway follows another instance', async (t) => {
    const third = await testAuthService(t, { databaseUrl });
    const feed = await readHttpFeed(third.gateway, third.internalUrl);
    await feed.until((message) => 'synced' in message);
    await third.stop();
    await feed.ended;
    t.pass('it ended');
  });

  t.test('entries that have expired are given to nobody', async (t) => {
    auth.clock.shift(3_600_000 * 2);
    const fresh = await testAuthService(t, { databaseUrl, clock: auth.clock });
    const { sink, end } = followed(fresh.revocations);
    await end();
    t.strictSame(sink.entries, []);
  });
});

t.test('a database outage', needsPostgres, async (t) => {
  const postgres = await testPostgres(t);
  const auth = await testAuthService(t, { databaseUrl: postgres.url });
  const { refresh_token, access_token } = await auth.login();
  const acknowledged = [await logout(auth), await logout(auth)];
  const inProcess = followed(auth.revocations);
  const feed = await readHttpFeed(auth.gateway, auth.internalUrl);
  await feed.until((message) => 'synced' in message);

  const racing = Array.from({ length: 10 }, () => logout(auth).catch(() => undefined));
  const keepsAnswering = racing[0];
  await keepsAnswering;
  await postgres.kill();
  acknowledged.push(...(await Promise.all(racing)).filter((sid) => sid !== undefined));

  await t.test('ends the feeds: what cannot know does not say that all is well', async (t) => {
    await feed.ended;
    await t.rejects(inProcess.ended);
    await t.rejects(followed(auth.revocations).ended);
    const refused = await mtlsRequest(auth.gateway, `${auth.internalUrl}/internal/revocations`);
    t.match([refused.status, refused.json()['code']], [503, 'store_unavailable']);
    t.equal((await mtlsRequest(auth.gateway, `${auth.internalUrl}/internal/health`)).status, 503);
  });

  await t.test('is 503 with Retry-After for login, refresh and logout; the key set goes on', async (t) => {
    const answers = [
      await auth.post('/auth/login', { email: 'ann@example.test', password: 'x' }),
      await auth.refresh(refresh_token),
      await auth.post('/auth/logout', undefined, bearer(access_token)),
      await auth.post('/auth/logout-all', undefined, bearer(access_token)),
    ];
    for (const { status, headers, text } of answers) {
      t.match([status, text], [503, /"store_unavailable"/]);
      t.equal(headers['retry-after'], '5');
    }
    t.equal((await auth.get('/.well-known/jwks.json')).status, 200);
  });

  await t.test('loses nothing that was acknowledged, and ends by itself', async (t) => {
    await postgres.start();
    await reachable(auth);
    t.equal((await auth.refresh(refresh_token)).status, 200);
    const { sink, end } = followed(auth.revocations);
    const seen = sids(sink.entries);
    t.ok(acknowledged.length > 2);
    t.ok(acknowledged.every((sid) => seen.includes(sid)));
    const next = await logout(auth);
    t.equal(sids(sink.entries).at(-1), next, 'the tail follows again');
    await end();
  });
});

async function reachable(auth: TestAuth): Promise<void> {
  while ((await mtlsRequest(auth.gateway, `${auth.internalUrl}/internal/health`)).status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
