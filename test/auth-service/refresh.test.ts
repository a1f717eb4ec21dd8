import { decodeJwt } from 'jose';
import t from 'tap';
import { REFRESH_COOKIE, type TokenResponse } from '../../contracts/auth-api.js';
import { followed } from '../fixtures/followed.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { sql } from '../fixtures/sql.js';
import { bearer, PAGE_ORIGIN, type TestAuth, testAuthService, USER } from '../fixtures/test-auth-service.js';

t.test('refresh', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });

  const next = async (refreshToken: string, on: TestAuth = auth): Promise<Required<TokenResponse>> => {
    const response = await on.refresh(refreshToken);
    if (response.status !== 200) throw new Error(`refresh answered ${response.status}: ${response.text}`);
    return response.json();
  };
  const refusal = async (refreshToken: string) => {
    const response = await auth.refresh(refreshToken);
    return [response.status, response.json()['code']];
  };

  t.test('exchanges the token for its successor, with the account as it is now', async (t) => {
    const login = await auth.login();
    await sql(databaseUrl, `UPDATE users SET roles = '{user,admin}', scopes = '{orders:read}'`);
    t.teardown(() => sql(databaseUrl, `UPDATE users SET roles = '{user}'`));
    const refreshed = await next(login.refresh_token);
    t.not(refreshed.refresh_token, login.refresh_token);
    t.equal(refreshed.session_id, login.session_id);
    t.match(decodeJwt(refreshed.access_token), {
      roles: ['user', 'admin'],
      scope: 'orders:read',
      sid: login.session_id,
    });
    t.not(decodeJwt(refreshed.access_token).jti, decodeJwt(login.access_token).jti);
  });

  t.test('fifty at once on three instances get one and the same successor, round after round', async (t) => {
    const clock = auth.clock;
    const others = await Promise.all([1, 2].map(() => testAuthService(t, { databaseUrl, clock })));
    const instances = [auth, ...others];
    let { refresh_token: current } = await auth.login();
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => next(current, instances[i % 3] ?? auth)),
      );
      const successors = new Set(answers.map((answer) => answer.refresh_token));
      t.equal(successors.size, 1);
      t.equal(new Set(answers.map((answer) => decodeJwt(answer.access_token).jti)).size, 50);
      [current] = [...successors] as [string];
    }
  });

  t.test('a session is one row, however often it is refreshed', async (t) => {
    const login = await auth.login();
    let token = login.refresh_token;
    const count = () => sql(databaseUrl, 'SELECT count(*)::int AS n FROM refresh_families');
    const before = await count();
    for (let i = 0; i < 10; i++) ({ refresh_token: token } = await next(token));
    t.strictSame(await count(), before);
  });

  t.test(
    'a lost response logs nobody out: the parent gets the same successor while that is unused',
    async (t) => {
      const login = await auth.login();
      const lost = await next(login.refresh_token);
      auth.clock.shift(299_000);
      const found = await next(login.refresh_token);
      t.equal(found.refresh_token, lost.refresh_token);
      const { sink, end } = followed(auth.revocations);
      t.teardown(end);
      auth.clock.shift(2000);
      t.strictSame(
        await refusal(login.refresh_token),
        [401, 'refresh_token_reused'],
        'counted from the first use',
      );
      t.strictSame(await refusal(lost.refresh_token), [401, 'session_revoked']);
      const exp = (decodeJwt(found.access_token).exp ?? 0) + 120;
      t.match(sink.entries.at(-1), { sid: login.session_id, exp }, 'the second access token is covered too');
    },
  );

  t.test('a grandparent ends the family, revokes its access tokens and is put on record', async (t) => {
    const { sink, end } = followed(auth.revocations);
    t.teardown(end);
    const login = await auth.login();
    const second = await next(login.refresh_token);
    const third = await next(second.refresh_token);
    t.strictSame(await refusal(login.refresh_token), [401, 'refresh_token_reused']);
    const exp = (decodeJwt(third.access_token).exp ?? 0) + 120;
    t.match(sink.entries.at(-1), { kind: 'session', sid: login.session_id, exp });
    t.strictSame(await refusal(third.refresh_token), [401, 'session_revoked']);
    t.match(
      await sql(
        databaseUrl,
        `SELECT * FROM audit_log WHERE session_id = '${login.session_id}' ORDER BY id DESC LIMIT 1`,
      ),
      [
        {
          action: 'session.reuse',
          subject: decodeJwt(login.access_token).sub,
          detail: { presented: 0, current: 2 },
        },
      ],
    );
  });

  t.test('a forged token changes nothing, even with a known family', async (t) => {
    const login = await auth.login();
    await next(login.refresh_token);
    const { refresh_token: current } = await next((await auth.login()).refresh_token);
    const bytes = Buffer.from(login.refresh_token.slice(4), 'base64url');
    const forgeries = [1, 2, 7].map((generation) => {
      bytes.writeUInt32BE(generation, 17);
      return `gtr_${bytes.toString('base64url')}`;
    });
    const otherFamily = Buffer.concat([
      bytes.subarray(0, 21),
      Buffer.from(current.slice(4), 'base64url').subarray(21),
    ]);
    const unknownFamily = Buffer.from(bytes);
    unknownFamily.fill(7, 1, 17);
    for (const forged of [
      ...forgeries,
      ...[otherFamily, unknownFamily].map((b) => `gtr_${b.toString('base64url')}`),
    ]) {
      t.strictSame(await refusal(forged), [401, 'refresh_token_invalid']);
    }
    t.strictSame(
      await refusal(login.access_token),
      [401, 'refresh_token_invalid'],
      'an access token is none',
    );
    t.ok(await next(login.refresh_token), 'the family lives on');
  });

  t.test('a session ends when idle, and at its absolute end however busy', async (t) => {
    const day = 86_400_000;
    const idle = await auth.login();
    auth.clock.shift(7 * day);
    t.strictSame(await refusal(idle.refresh_token), [401, 'session_expired']);
    let { refresh_token: token } = await auth.login();
    for (let days = 0; days < 24; days += 6) {
      auth.clock.shift(6 * day);
      ({ refresh_token: token } = await next(token));
    }
    auth.clock.shift(6 * day);
    t.strictSame(await refusal(token), [401, 'session_expired']);
  });

  t.test(
    'a disabled account gets no more tokens, and keeps its session until it is enabled again',
    async (t) => {
      const { refresh_token: token } = await auth.login();
      await sql(databaseUrl, `UPDATE users SET status = 'disabled'`);
      t.strictSame(await refusal(token), [403, 'account_disabled']);
      await sql(databaseUrl, `UPDATE users SET status = 'active'`);
      t.ok(await next(token));
    },
  );

  t.test('a raised token version ends the sessions from before', async (t) => {
    const { refresh_token: token } = await auth.login();
    await sql(databaseUrl, 'UPDATE users SET token_version = token_version + 1');
    t.strictSame(await refusal(token), [401, 'session_revoked']);
  });

  t.test('a logout that races refreshes leaves no live child', async (t) => {
    const { sink, end } = followed(auth.revocations);
    t.teardown(end);
    for (let round = 0; round < 5; round++) {
      const login = await auth.login();
      const refreshes = Array.from({ length: 8 }, () => auth.refresh(login.refresh_token));
      const logout = auth.post('/auth/logout', undefined, bearer(login.access_token));
      t.equal((await logout).status, 200);
      const entry = sink.entries.find((e) => e.kind === 'session' && e.sid === login.session_id);
      const answers = await Promise.all(refreshes);
      t.ok(answers.every(({ status }) => status === 200 || status === 401));
      for (const answer of answers.filter(({ status }) => status === 200)) {
        const tokens = answer.json<Required<TokenResponse>>();
        t.ok((decodeJwt(tokens.access_token).exp ?? 0) <= (entry?.exp ?? 0), 'its access token is covered');
        t.strictSame(await refusal(tokens.refresh_token), [401, 'session_revoked']);
      }
    }
  });

  t.test('by cookie: needs the origin, sets the next cookie, never mixes with the body', async (t) => {
    const { email, password } = USER;
    const login = await auth.post(
      '/auth/login',
      { email, password, delivery: 'cookie' },
      { origin: PAGE_ORIGIN },
    );
    const cookie = cookieOf(login.headers['set-cookie']);
    const call = (headers: Record<string, string>, body?: object) =>
      auth.post('/auth/refresh', body, { cookie, ...headers });
    for (const headers of [
      {},
      { origin: 'null' },
      { origin: 'https://app.example.test.evil.test' },
      { origin: PAGE_ORIGIN, 'sec-fetch-site': 'cross-site' },
    ]) {
      const refused = await call(headers as Record<string, string>);
      t.match([refused.status, refused.json()['code']], [403, 'origin_not_allowed']);
    }
    const response = await call({ origin: PAGE_ORIGIN, 'sec-fetch-site': 'same-origin' });
    t.equal(response.status, 200);
    t.notOk('refresh_token' in response.json());
    t.not(cookieOf(response.headers['set-cookie']), cookie);
    const { refresh_token } = await auth.login();
    const both = await call({ origin: PAGE_ORIGIN }, { refresh_token });
    t.match([both.status, both.json()['code']], [400, 'refresh_token_missing']);
    const none = await auth.post('/auth/refresh');
    t.match([none.status, none.json()['code']], [400, 'refresh_token_missing']);
    const plain = await call({ origin: PAGE_ORIGIN, 'content-type': 'text/plain' }, { refresh_token });
    t.equal(plain.status, 415);
    for (const refused of [both, none, plain])
      t.notOk(refused.headers['set-cookie'], 'no refusal clears a cookie');
  });
});

function cookieOf(setCookie: string[] | undefined): string {
  const cookie = setCookie?.[0]?.split(';', 1)[0] ?? '';
  if (!cookie.startsWith(`${REFRESH_COOKIE}=`)) throw new Error('no refresh cookie');
  return cookie;
}
