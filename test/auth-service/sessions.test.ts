import { decodeJwt } from 'jose';
import t from 'tap';
import type { SessionList } from '../../contracts/auth-api.js';
import { followed } from '../fixtures/followed.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { shiftedClock } from '../fixtures/shifted-clock.js';
import { sql } from '../fixtures/sql.js';
import { bearer, ISSUER, PAGE_ORIGIN, testAuthService, USER } from '../fixtures/test-auth-service.js';

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0';
const NEW_PASSWORD = 'walnut-kettle-47-orbit';

t.test("a person's own sessions", needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl, clock: shiftedClock({ frozen: true }) });
  const { sink, end } = followed(auth.revocations);
  t.teardown(end);
  const { email, password } = USER;
  const other = { ...USER, email: 'bob@example.test' };
  await auth.ensureAccount(other);

  const login = async (as = USER, headers: Record<string, string> = {}) => {
    const answer = await auth.post('/auth/login', { email: as.email, password: as.password }, headers);
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json<{ access_token: string; refresh_token: string; session_id: string }>();
  };
  const list = async (token: string) =>
    (await auth.get('/auth/sessions', bearer(token))).json<SessionList>().sessions;
  const code = (answer: { status: number; json(): Record<string, unknown> }) => [
    answer.status,
    answer.json()['code'],
  ];

  t.test('are listed with device, address, times, and which one asks', async (t) => {
    const here = await login(USER, { 'user-agent': FIREFOX, 'x-forwarded-for': '192.0.2.7' });
    auth.clock.shift(60_000);
    const there = await login(USER, {
      'user-agent': 'curl/8.5.0',
      'x-forwarded-for': '198.51.100.9, 2001:db8::5',
    });
    await login(other);
    const answer = await auth.get('/auth/sessions', bearer(here.access_token));
    t.equal(answer.headers['cache-control'], 'no-store');
    const sessions = answer.json<SessionList>().sessions;
    t.match(sessions, [
      { id: there.session_id, device: 'curl', ip: '2001:db8::5', current: false },
      { id: here.session_id, device: 'Firefox on Windows', ip: '192.0.2.7', current: true },
    ]);
    t.equal(sessions.length, 2, "nobody else's");
    t.equal(sessions[1]?.created_at, sessions[1]?.last_used_at);

    auth.clock.shift(60_000);
    const use = { 'user-agent': 'curl/8.5.0', 'x-forwarded-for': '192.0.2.8' };
    await auth.post('/auth/refresh', { refresh_token: here.refresh_token }, use);
    const [used] = await list(there.access_token);
    t.match(used, { id: here.session_id, device: 'curl', ip: '192.0.2.8', current: false });
    t.ok(Date.parse(used?.last_used_at ?? '') > Date.parse(used?.created_at ?? ''));
    for (const { access_token } of [here, there])
      await auth.post('/auth/logout', undefined, bearer(access_token));
  });

  t.test('that have ended, by themselves or otherwise, are not listed', async (t) => {
    await login();
    auth.clock.shift(7 * 86_400_000);
    const gone = await login();
    await auth.post('/auth/logout', undefined, bearer(gone.access_token));
    const here = await login();
    t.strictSame(
      (await list(here.access_token)).map(({ id }) => id),
      [here.session_id],
    );
    await auth.post('/auth/logout', undefined, bearer(here.access_token));
  });

  t.test('are shown to a good access token only', async (t) => {
    const { access_token: token, refresh_token } = await login();
    const cookie = `__Host-gatehouse-refresh=${refresh_token}`;
    const ask = async (headers: Record<string, string>) => code(await auth.get('/auth/sessions', headers));
    t.strictSame(await ask({}), [401, 'credentials_missing']);
    t.strictSame(await ask({ cookie, origin: PAGE_ORIGIN }), [401, 'credentials_missing']);
    t.strictSame(await ask(bearer(refresh_token)), [401, 'token_malformed']);
    t.strictSame(await ask(bearer(`${token.slice(0, -6)}AAAAAA`)), [401, 'token_signature']);
    await sql(databaseUrl, `UPDATE users SET status = 'disabled' WHERE email = '${email}'`);
    t.strictSame(await ask(bearer(token)), [403, 'account_disabled']);
    await sql(databaseUrl, `UPDATE users SET status = 'active', token_version = token_version + 1`);
    t.strictSame(await ask(bearer(token)), [401, 'token_revoked'], 'of an earlier version');
    const later = await login();
    auth.clock.shift(15 * 60_000);
    t.strictSame(await ask(bearer(later.access_token)), [401, 'token_expired']);
    const ended = await login();
    await auth.post('/auth/logout', undefined, bearer(ended.access_token));
    t.strictSame(await ask(bearer(ended.access_token)), [401, 'token_revoked']);
  });

  t.test('can be ended one by one', async (t) => {
    const [here, there] = [await login(), await login()];
    const cookie = `__Host-gatehouse-refresh=${here.refresh_token}`;
    const headers = { ...bearer(here.access_token), cookie };
    const done = await auth.delete(`/auth/sessions/${there.session_id}`, headers);
    t.strictSame([done.status, done.json()], [200, { revoked: true }]);
    t.notOk(done.headers['set-cookie'], 'the cookie belongs to the session that goes on');
    const exp = (decodeJwt(there.access_token).exp ?? 0) + 120;
    t.strictSame(sink.entries.at(-1), { kind: 'session', iss: ISSUER, sid: there.session_id, exp });
    t.strictSame(code(await auth.refresh(there.refresh_token)), [401, 'session_revoked']);
    t.match(await sql(databaseUrl, `SELECT * FROM audit_log ORDER BY id DESC LIMIT 1`), [
      { action: 'session.ended', session_id: there.session_id },
    ]);
    const own = await auth.delete(`/auth/sessions/${here.session_id}`, headers);
    t.equal(own.status, 200);
    t.match(own.headers['set-cookie'], [/^__Host-gatehouse-refresh=; Max-Age=0/]);
  });

  t.test("somebody else's session is as unknown as none at all", async (t) => {
    const mine = await login();
    const theirs = await login(other);
    for (const id of [theirs.session_id, '00000000-0000-4000-8000-000000000000', 'x', '%00']) {
      const answer = await auth.delete(`/auth/sessions/${id}`, bearer(mine.access_token));
      t.strictSame(code(answer), [404, 'not_found'], id);
    }
    t.equal((await auth.refresh(theirs.refresh_token)).status, 200);
  });

  t.test('a password change ends all but the one that asks', async (t) => {
    const account = { ...USER, email: 'carol@example.test' };
    await auth.ensureAccount(account);
    const [here, there, elsewhere] = [await login(account), await login(account), await login(account)];
    const before = sink.entries.length;
    const change = (body: object) => auth.post('/auth/password', body, bearer(here.access_token));
    const wrong = await change({ current_password: 'not it', new_password: NEW_PASSWORD });
    t.strictSame(code(wrong), [403, 'password_wrong']);
    for (const [bad, refusal] of [
      ['short-x9-pw', 'password_too_short'],
      ['password12345', 'password_too_common'],
      ['carol-2024-x', 'password_too_common'],
    ] as const) {
      const answer = await change({ current_password: password, new_password: bad });
      t.strictSame(code(answer), [422, refusal], bad);
    }
    t.equal((await auth.refresh(there.refresh_token)).status, 200, 'nothing has ended yet');

    const done = await change({ current_password: password, new_password: NEW_PASSWORD });
    t.strictSame([done.status, done.json()], [200, { changed: true, revoked: true }]);
    t.strictSame(
      sink.entries
        .slice(before)
        .map((entry) => entry.kind === 'session' && entry.sid)
        .sort(),
      [there.session_id, elsewhere.session_id].sort(),
    );
    t.strictSame(code(await auth.refresh(elsewhere.refresh_token)), [401, 'session_revoked']);
    t.equal((await auth.refresh(here.refresh_token)).status, 200);
    t.equal(
      (await auth.get('/auth/sessions', bearer(here.access_token))).status,
      200,
      'its token is still good',
    );
    const old = await auth.post('/auth/login', { email: account.email, password });
    t.strictSame(code(old), [401, 'invalid_credentials']);
    t.ok(await login({ ...account, password: NEW_PASSWORD }));
    t.strictSame(code(await auth.post('/auth/password', {}, bearer(here.access_token))), [
      400,
      'json_invalid',
    ]);
  });

  t.test('a stolen access token cannot guess at the password for long', async (t) => {
    const { access_token: token } = await login();
    const guess = async (current: string) =>
      auth.post('/auth/password', { current_password: current, new_password: NEW_PASSWORD }, bearer(token));
    for (let i = 0; i < 13; i++) {
      t.strictSame(code(await guess(`guess ${i}`)), [403, 'password_wrong']);
      if (i >= 9) auth.clock.shift(i === 12 ? 0 : 8000);
    }
    const refused = await guess(password);
    t.strictSame(code(refused), [429, 'too_many_attempts'], 'the right one, too');
    t.match(refused.headers['retry-after'], /^[5-8]$/);
    t.ok(await login(), 'the account itself is not slowed down');
  });
});
