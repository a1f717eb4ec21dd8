import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import t from 'tap';
import type { AuthConfig } from '../../auth-service/index.js';
import type { AdminResetLink, AdminUserCreated, AdminUserList } from '../../contracts/admin-users.js';
import { OPERATOR_SPIFFE_ID } from '../../contracts/spiffe.js';
import { runCli } from '../fixtures/cli.js';
import { followed } from '../fixtures/followed.js';
import { mtlsRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { sql } from '../fixtures/sql.js';
import { bearer, ISSUER, testAuthService } from '../fixtures/test-auth-service.js';

const PASSWORD = 'walnut-kettle-47-orbit';
const OTHER_PASSWORD = 'thimble_9_harbour_lantern';

const code = (answer: { status: number; json(): Record<string, unknown> }) => [
  answer.status,
  answer.json()['code'],
];

t.test('accounts by the admin API', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const { sink, end } = followed(auth.revocations);
  t.teardown(end);

  const create = async (email: string, more: object = { password: PASSWORD }) => {
    const answer = await auth.admin('POST', '/users', { email, ...more });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.json<AdminUserCreated>();
  };
  const login = (email: string, password = PASSWORD) => auth.post('/auth/login', { email, password });
  const tokensOf = async (email: string, password = PASSWORD) =>
    (await login(email, password)).json<{ access_token: string; refresh_token: string }>();

  t.test('is for the operator alone', async (t) => {
    const url = `${auth.internalUrl}/internal/admin/users`;
    t.strictSame(code(await mtlsRequest(auth.gateway, url)), [403, 'peer_not_allowed']);
    t.equal((await auth.admin('GET', '/users')).status, 200);
  });

  t.test('makes an account that can log in', async (t) => {
    const { user } = await create(' Dora@Example.test', {
      password: PASSWORD,
      roles: ['user', 'admin'],
      scopes: ['orders:read'],
    });
    t.match(user, { email: 'dora@example.test', status: 'active', roles: ['user', 'admin'] });
    const tokens = await tokensOf('dora@example.test');
    t.match(decodeJwt(tokens.access_token), { sub: user.id, scope: 'orders:read', roles: ['user', 'admin'] });
    const again = await auth.admin('POST', '/users', { email: 'DORA@example.test', password: PASSWORD });
    t.strictSame(code(again), [409, 'email_taken']);
    for (const [body, refusal] of [
      [{ email: 'no address', password: PASSWORD }, [422, 'email_invalid']],
      [{ email: 'e@example.test', password: 'short' }, [422, 'password_too_short']],
      [{ email: 'e@example.test', password: 'password1234' }, [422, 'password_too_common']],
      [{ email: 'e@example.test', password: PASSWORD, roles: ['two words'] }, [400, 'json_invalid']],
      [{ email: 'e@example.test', password: PASSWORD, admin: true }, [400, 'json_invalid']],
    ] as const) {
      t.strictSame(code(await auth.admin('POST', '/users', body)), refusal);
    }
    t.match(await sql(databaseUrl, `SELECT * FROM audit_log WHERE action = 'account.created' ORDER BY id`), [
      { actor: 'operator', subject: user.id },
    ]);
  });

  t.test('lists them, by pages, and finds one by address or id', async (t) => {
    const { user } = await create('zoe@example.test');
    const { users, next } = (await auth.admin('GET', '/users?after=y')).json<AdminUserList>();
    t.match(users, [{ email: 'zoe@example.test' }]);
    t.equal(next, null);
    for (const reference of [user.id, 'zoe@example.test', 'ZOE%40example.test']) {
      t.match((await auth.admin('GET', `/users/${reference}`)).json(), { user });
    }
    t.strictSame(code(await auth.admin('GET', '/users/nobody@example.test')), [404, 'not_found']);
  });

  t.test('disabling ends all sessions at once, and enabling does not bring them back', async (t) => {
    const { user } = await create('frank@example.test');
    const tokens = await tokensOf(user.email);
    const done = await auth.admin('POST', `/users/${user.email}/disable`);
    t.strictSame([done.status, done.json()], [200, { revoked: true }]);
    const { exp = 0 } = decodeJwt(tokens.access_token);
    t.strictSame(sink.entries.at(-1), { kind: 'subject', iss: ISSUER, sub: user.id, ver: 2, exp: exp + 120 });
    t.strictSame(code(await auth.refresh(tokens.refresh_token)), [403, 'account_disabled']);
    t.strictSame(code(await login(user.email)), [403, 'account_disabled']);
    t.strictSame(code(await auth.get('/auth/sessions', bearer(tokens.access_token))), [401, 'token_revoked']);

    t.match((await auth.admin('POST', `/users/${user.id}/enable`)).json(), { user: { status: 'active' } });
    t.strictSame(code(await auth.refresh(tokens.refresh_token)), [401, 'session_revoked']);
    t.equal((await login(user.email)).status, 200);
  });

  t.test('disabling that races refreshes leaves no live session', async (t) => {
    for (let round = 0; round < 5; round++) {
      const { user } = await create(`race${round}@example.test`);
      const { refresh_token: token } = await tokensOf(user.email);
      const [disabled, ...refreshes] = await Promise.all([
        auth.admin('POST', `/users/${user.id}/disable`),
        ...Array.from({ length: 8 }, () => auth.refresh(token)),
      ]);
      t.equal(disabled.status, 200);
      const entry = sink.entries.find((e) => e.kind === 'subject' && e.sub === user.id);
      for (const answer of refreshes.filter(({ status }) => status === 200)) {
        const { access_token = '', refresh_token = '' } = answer.json<Record<string, string>>();
        t.ok(
          (decodeJwt(access_token).exp ?? 0) < (entry?.exp ?? 0),
          'its access token is covered to its end',
        );
        t.equal((await auth.refresh(refresh_token)).status, 403);
      }
    }
  });

  t.test('new roles and scopes are in force at once, and sessions go on', async (t) => {
    const { user } = await create('gus@example.test', { password: PASSWORD, roles: ['user', 'admin'] });
    const before = await tokensOf(user.email);
    const { exp = 0 } = decodeJwt(before.access_token);
    const done = await auth.admin('PUT', `/users/${user.id}/access`, { roles: ['user'] });
    t.strictSame([done.status, done.json()], [200, { revoked: true }]);
    t.strictSame(
      sink.entries.at(-1),
      { kind: 'subject', iss: ISSUER, sub: user.id, ver: 2, exp: exp + 120 },
      'tokens from before are refused, for as long as there are any',
    );
    t.match(decodeJwt(before.access_token), { ver: 1, roles: ['user', 'admin'] });
    const after = (await auth.refresh(before.refresh_token)).json<{ access_token: string }>();
    t.match(decodeJwt(after.access_token), { ver: 2, roles: ['user'] }, 'good in the same second');
    t.match(decodeJwt((await tokensOf(user.email)).access_token), { ver: 2, roles: ['user'] });
    t.strictSame(code(await auth.admin('PUT', `/users/${user.id}/access`, {})), [400, 'json_invalid']);
  });

  t.test('new roles that race refreshes end no session, and no old role outlives them', async (t) => {
    for (let round = 0; round < 5; round++) {
      const { user } = await create(`roles${round}@example.test`, {
        password: PASSWORD,
        roles: ['user', 'admin'],
      });
      const session = await tokensOf(user.email);
      const [changed, ...refreshes] = await Promise.all([
        auth.admin('PUT', `/users/${user.id}/access`, { roles: ['user'] }),
        ...Array.from({ length: 8 }, () => auth.refresh(session.refresh_token)),
      ]);
      t.equal(changed.status, 200);
      for (const answer of refreshes) {
        t.equal(answer.status, 200, answer.text);
        const { ver, roles } = decodeJwt(answer.json<{ access_token: string }>().access_token);
        t.strictSame(
          roles,
          ver === 1 ? ['user', 'admin'] : ['user'],
          'a role goes with the version that is revoked',
        );
      }
    }
  });

  t.test('whose token has old roles can still log out everywhere', async (t) => {
    const { user } = await create('ida@example.test', { password: PASSWORD });
    const [here, there] = [await tokensOf(user.email), await tokensOf(user.email)];
    await auth.admin('PUT', `/users/${user.id}/access`, { roles: ['user', 'editor'] });
    t.equal((await auth.post('/auth/logout-all', undefined, bearer(here.access_token))).status, 200);
    t.match(sink.entries.at(-1), { kind: 'subject', sub: user.id, ver: 3 });
    t.strictSame(code(await auth.refresh(there.refresh_token)), [401, 'session_revoked']);
  });

  t.test('a one-time link', async (t) => {
    const { user, reset } = await create('hana@example.test', {});
    const use = (token: string | undefined, password: string) =>
      auth.post('/auth/password/reset', { token, new_password: password });
    t.match(reset?.token, /^gtl_[\w-]{43}$/, 'comes with an account that has no password');
    const stored = JSON.stringify(await sql(databaseUrl, 'SELECT * FROM password_resets'));
    t.notMatch(stored, reset?.token ?? '-', 'only its hash is stored');
    t.strictSame(
      code(await use(reset?.token, 'password1234')),
      [422, 'password_too_common'],
      'a bad try keeps it',
    );
    const both = await Promise.all([use(reset?.token, PASSWORD), use(reset?.token, PASSWORD)]);
    t.strictSame(both.map(({ status }) => status).sort(), [200, 400], 'one of two at once');
    const done = both.find(({ status }) => status === 200);
    t.strictSame(done?.json(), { changed: true, revoked: true });
    t.match(done?.headers['set-cookie'], [/^__Host-gatehouse-device=gtd_/]);
    t.strictSame(code(await use(reset?.token, OTHER_PASSWORD)), [400, 'reset_token_invalid']);

    const session = await tokensOf(user.email);
    const link = async () =>
      (await auth.admin('POST', `/users/${user.id}/password-reset`)).json<AdminResetLink>();
    const [older, newer] = [await link(), await link()];
    t.strictSame(code(await use(older.token, OTHER_PASSWORD)), [400, 'reset_token_invalid'], 'replaced');
    t.equal((await auth.refresh(session.refresh_token)).status, 200, 'a link that was made ends nothing');
    t.equal((await use(newer.token, OTHER_PASSWORD)).status, 200);
    t.strictSame(code(await auth.refresh(session.refresh_token)), [401, 'session_revoked']);
    t.match(sink.entries.at(-1), { kind: 'subject', sub: user.id });
    t.strictSame(code(await login(user.email)), [401, 'invalid_credentials']);
    t.equal((await login(user.email, OTHER_PASSWORD)).status, 200);

    const late = await link();
    auth.clock.shift(Date.parse(late.expires_at) - auth.clock.now());
    t.strictSame(code(await use(late.token, PASSWORD)), [400, 'reset_token_invalid'], 'expired');
    t.strictSame(code(await use('gtl_x', PASSWORD)), [400, 'reset_token_invalid']);
  });

  t.test('by command', async (t) => {
    const pki = await testPki();
    const dir = join(t.testdir(), 'pki');
    mkdirSync(dir, { recursive: true });
    const { cert, key } = await pki.leaf('operator', OPERATOR_SPIFFE_ID);
    for (const [name, pem] of Object.entries({ ca: pki.ca, operator: cert, 'operator-key': key }))
      writeFileSync(join(dir, `${name}.pem`), pem);
    const env = { PKI_DIR: dir, AUTH_INTERNAL_URL: auth.internalUrl };
    const users = (...args: string[]) => runCli(['users', ...args], env);

    const made = await users('create', '--email', 'iris@example.test', '--scope', 'orders:read');
    t.equal(made.code, 0, made.stderr);
    t.match(made.stdout, /^gtl_[\w-]{43}\nfor POST \/auth\/password\/reset, once, until 20/);
    const [token = ''] = made.stdout.split('\n');
    t.equal((await auth.post('/auth/password/reset', { token, new_password: PASSWORD })).status, 200);
    const withPassword = ['users', 'create', '--email', 'jon@example.test', '--password-stdin'];
    t.match(await runCli(withPassword, env, `${PASSWORD}\n`), {
      code: 0,
      stdout: /^jon@example.test can log in$/m,
    });
    t.match(await runCli(withPassword, env, PASSWORD), {
      code: 1,
      stderr: /^gatehouse: refused: .*\(409 email_taken/,
    });

    const [changed, link, disabled] = await Promise.all([
      users('set-roles', 'iris@example.test', '--role', 'user', 'admin', '--json'),
      users('reset-password', 'jon@example.test', '--json'),
      users('disable', 'jon@example.test'),
    ]);
    t.match([changed.code, JSON.parse(changed.stdout)], [0, { revoked: true }]);
    t.match(JSON.parse(link.stdout), { token: /^gtl_/ });
    t.match(disabled, { code: 0, stdout: 'jon@example.test is disabled\n' });
    const [shown, listed, wrong, unknown] = await Promise.all([
      users('show', 'iris@example.test'),
      users('list'),
      users('create'),
      users('enable', 'nobody@example.test'),
    ]);
    t.match(shown.stdout, /^EMAIL .*\niris@example.test +active +user admin +orders:read +[0-9a-f-]{36} /);
    t.match(listed.stdout, /^jon@example.test +disabled/m);
    t.match([wrong.code, unknown.code], [2, 1]);
    t.match(unknown.stderr, /404 not_found/);
    t.equal((await users('enable', 'jon@example.test')).code, 0);
    t.equal((await login('jon@example.test')).status, 200);
  });
});

t.test('people make accounts for themselves only where the setting says so', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const closed = await testAuthService(t, { databaseUrl });
  const newcomer = { email: 'new@example.test', password: PASSWORD };
  t.strictSame(code(await closed.post('/auth/register', newcomer)), [404, 'route_not_found']);

  const registration = { roles: ['user'], scopes: ['orders:read'] };
  const change = (config: AuthConfig) => ({ ...config, accounts: { ...config.accounts, registration } });
  const open = await testAuthService(t, { databaseUrl, change, clock: closed.clock });
  const registered = await open.post('/auth/register', newcomer);
  t.equal(registered.status, 201);
  const { access_token = '', refresh_token = '' } = registered.json<Record<string, string>>();
  t.match(decodeJwt(access_token), { scope: 'orders:read', roles: ['user'] });
  t.equal((await open.refresh(refresh_token)).status, 200);
  t.strictSame(code(await open.post('/auth/register', newcomer)), [409, 'email_taken']);
  t.strictSame(code(await open.post('/auth/register', { ...newcomer, roles: ['admin'] })), [
    400,
    'json_invalid',
  ]);
  const weak = { email: 'weak@example.test', password: 'password1234' };
  t.strictSame(code(await open.post('/auth/register', weak)), [422, 'password_too_common']);
  for (let i = 0; i < 25; i++) await open.post('/auth/register', weak);
  t.strictSame(code(await open.post('/auth/register', weak)), [429, 'too_many_attempts']);
  t.match(await open.post('/auth/register', weak, { 'x-forwarded-for': '192.0.2.9' }), { status: 422 });
});
