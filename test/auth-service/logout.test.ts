import { decodeJwt } from 'jose';
import t from 'tap';
import { followed } from '../fixtures/followed.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { sql } from '../fixtures/sql.js';
import { bearer, ISSUER, PAGE_ORIGIN, testAuthService, USER } from '../fixtures/test-auth-service.js';
import { signToken, testKey } from '../fixtures/test-issuer.js';

t.test('logout', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const { sink, end } = followed(auth.revocations);
  t.teardown(end);
  const refusal = async (refreshToken: string) => (await auth.refresh(refreshToken)).json()['code'];
  const entriesOf = (id: string) =>
    sink.entries.filter(
      (e) => (e.kind === 'session' && e.sid === id) || (e.kind === 'subject' && e.sub === id),
    );

  t.test(
    'by bearer ends this session alone; the gateway in the process knows before the answer',
    async (t) => {
      const [here, elsewhere] = [await auth.login(), await auth.login()];
      const response = await auth.post('/auth/logout', undefined, bearer(here.access_token));
      t.equal(response.status, 200);
      t.strictSame(response.json(), { revoked: true });
      const exp = (decodeJwt(here.access_token).exp ?? 0) + 120;
      t.strictSame(entriesOf(here.session_id), [{ kind: 'session', iss: ISSUER, sid: here.session_id, exp }]);
      t.equal(await refusal(here.refresh_token), 'session_revoked');
      t.equal((await auth.refresh(elsewhere.refresh_token)).status, 200);
    },
  );

  t.test('a second time is as good as the first and adds nothing', async (t) => {
    const login = await auth.login();
    const again = () => auth.post('/auth/logout', undefined, bearer(login.access_token));
    const answers = await Promise.all([again(), again(), again()]);
    t.strictSame(
      answers.concat(await again()).map((answer) => answer.status),
      [200, 200, 200, 200],
    );
    t.equal(entriesOf(login.session_id).length, 1);
  });

  t.test('by refresh token, an old one too', async (t) => {
    const login = await auth.login();
    await auth.refresh(login.refresh_token);
    const response = await auth.post('/auth/logout', { refresh_token: login.refresh_token });
    t.strictSame(response.json(), { revoked: true });
    t.equal(entriesOf(login.session_id).length, 1);
  });

  t.test('by cookie, from an allow-listed origin only, and clears it', async (t) => {
    const { refresh_token, session_id } = await auth.login();
    const cookie = `__Host-gatehouse-refresh=${refresh_token}`;
    const refused = await auth.post('/auth/logout', undefined, { cookie, origin: 'https://evil.test' });
    t.match([refused.status, refused.json()['code']], [403, 'origin_not_allowed']);
    t.equal(entriesOf(session_id).length, 0);
    const done = await auth.post('/auth/logout', undefined, { cookie, origin: PAGE_ORIGIN });
    t.equal(done.status, 200);
    t.match(done.headers['set-cookie'], [
      /^__Host-gatehouse-refresh=; Max-Age=0; Path=\/; .*HttpOnly; Secure/,
    ]);
    t.equal(entriesOf(session_id).length, 1);
  });

  t.test('with an expired bearer still ends the session', async (t) => {
    const login = await auth.login();
    auth.clock.shift(20 * 60_000);
    const response = await auth.post('/auth/logout', undefined, bearer(login.access_token));
    t.equal(response.status, 200);
    t.equal(await refusal(login.refresh_token), 'session_revoked');
  });

  t.test('revokes a live access token whose session the database no longer knows', async (t) => {
    const login = await auth.login();
    await sql(databaseUrl, `DELETE FROM refresh_families WHERE id = '${login.session_id}'`);
    const response = await auth.post('/auth/logout', undefined, bearer(login.access_token));
    t.strictSame(response.json(), { revoked: true });
    t.equal(entriesOf(login.session_id).length, 1);
  });

  t.test('believes no bearer that it did not sign', async (t) => {
    const login = await auth.login();
    const claims = decodeJwt(login.access_token);
    const [header = '', payload = '', signature = ''] = login.access_token.split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
    const stranger = await testKey();
    const cases: [string, string][] = [
      [signToken(stranger, claims), 'token_kid'],
      [signToken(stranger, claims, { kid }), 'token_signature'],
      [signToken(stranger, claims, { kid, alg: 'none' }), 'token_alg'],
      [signToken(stranger, claims, { kid, alg: 'HS256' }), 'token_alg'],
      [`${header}.${payload}.`, 'token_signature'],
      [
        `${header}.${Buffer.from(JSON.stringify({ ...claims, sid: 'x' })).toString('base64url')}.${signature}`,
        'token_signature',
      ],
      ['x.y', 'token_malformed'],
      [login.refresh_token, 'token_malformed'],
    ];
    for (const [token, code] of cases) {
      const response = await auth.post('/auth/logout', undefined, bearer(token));
      t.match([response.status, response.json()['code']], [401, code]);
      t.match(response.headers['www-authenticate'], /error="invalid_token"/);
    }
    const nothing = await auth.post('/auth/logout');
    t.match([nothing.status, nothing.json()['code']], [401, 'credentials_missing']);
    const junk = await auth.post('/auth/logout', { refresh_token: 'gtr_junk' });
    t.match([junk.status, junk.json()['code']], [401, 'refresh_token_invalid']);
    t.equal((await auth.refresh(login.refresh_token)).status, 200);
  });

  t.test('logout-all ends every session of the account, and raises its version', async (t) => {
    const other = { ...USER, email: 'bob@example.test' };
    await auth.ensureAccount(other);
    const { email, password } = other;
    const loginOther = async () =>
      (await auth.post('/auth/login', { email, password })).json<{ refresh_token: string }>();
    const bob = await loginOther();
    const [here, elsewhere] = [await auth.login(), await auth.login()];
    const before = decodeJwt(here.access_token);
    const lastExp = Math.max(before.exp ?? 0, decodeJwt(elsewhere.access_token).exp ?? 0);
    const all = () => auth.post('/auth/logout-all', undefined, bearer(here.access_token));
    const answers = await Promise.all([all(), all()]);
    t.strictSame(
      answers.map((answer) => answer.status),
      [200, 200],
    );
    t.match(entriesOf(before.sub ?? ''), [{ kind: 'subject', iss: ISSUER, ver: 2, exp: lastExp + 120 }]);
    t.equal(await refusal(here.refresh_token), 'session_revoked');
    t.equal(await refusal(elsewhere.refresh_token), 'session_revoked');
    t.equal(decodeJwt((await auth.login()).access_token)['ver'], 2);
    t.equal((await auth.refresh(bob.refresh_token)).status, 200, 'another account is left alone');
  });

  t.test('a session that has ended cannot log out the rest', async (t) => {
    const [ended, alive] = [await auth.login(), await auth.login()];
    await auth.post('/auth/logout', undefined, bearer(ended.access_token));
    const response = await auth.post('/auth/logout-all', undefined, bearer(ended.access_token));
    t.match([response.status, response.json()['code']], [401, 'session_revoked']);
    t.equal((await auth.refresh(alive.refresh_token)).status, 200);
  });

  t.test('logins that race a logout-all end up before it or after it', async (t) => {
    for (let round = 0; round < 5; round++) {
      const first = await auth.login();
      const { sub = '' } = decodeJwt(first.access_token);
      const racing = Array.from({ length: 6 }, () => auth.login());
      const all = await auth.post('/auth/logout-all', undefined, bearer(first.access_token));
      t.equal(all.status, 200);
      const entry = entriesOf(sub).at(-1);
      if (entry?.kind !== 'subject') throw new Error('no entry');
      for (const login of await Promise.all(racing)) {
        const { ver, exp = 0 } = decodeJwt<{ ver: number }>(login.access_token);
        const isCovered = ver < entry.ver && exp < entry.exp;
        t.equal(await refusal(login.refresh_token), isCovered ? 'session_revoked' : undefined);
      }
    }
  });

  t.test('everywhere, when every access token has long expired', async (t) => {
    const login = await auth.login();
    auth.clock.shift(2 * 3_600_000);
    const response = await auth.post('/auth/logout-all', { refresh_token: login.refresh_token });
    t.strictSame([response.status, response.json()], [200, { revoked: true }]);
    t.equal(await refusal(login.refresh_token), 'session_revoked');
  });
});
