/** What a refresh that does not succeed leaves behind: cookie and session, unless the session itself is at fault. */
import { decodeJwt } from 'jose';
import t from 'tap';
import type { AuthConfig } from '../../auth-service/index.js';
import { REFRESH_COOKIE } from '../../contracts/auth-api.js';
import type { MtlsResponse } from '../fixtures/mtls-request.js';
import { needsPostgres, testDatabase, testPostgres } from '../fixtures/postgres.js';
import { shiftedClock } from '../fixtures/shifted-clock.js';
import { sql } from '../fixtures/sql.js';
import { PAGE_ORIGIN, type TestAuth, testAuthService, USER } from '../fixtures/test-auth-service.js';

const { email, password } = USER;

const cookieOf = ({ headers }: MtlsResponse): string | undefined =>
  headers['set-cookie']?.find((text) => text.startsWith(REFRESH_COOKIE))?.split(';', 1)[0];

async function loginByCookie(auth: TestAuth): Promise<string> {
  const body = { email, password, delivery: 'cookie' };
  return cookieOf(await auth.post('/auth/login', body, { origin: PAGE_ORIGIN })) ?? '';
}

const refreshByCookie = (auth: TestAuth, cookie: string) =>
  auth.post('/auth/refresh', undefined, { origin: PAGE_ORIGIN, cookie });

t.test(
  'a lost response, a minute’s outage, a retry with the parent: nobody is logged out',
  needsPostgres,
  async (t) => {
    const postgres = await testPostgres(t);
    const auth = await testAuthService(t, { databaseUrl: postgres.url });
    const cookie = await loginByCookie(auth);
    const lost = await refreshByCookie(auth, cookie); // the client never sees it
    t.equal(lost.status, 200);

    await postgres.kill();
    for (let second = 0; second < 60; second += 20) {
      const down = await refreshByCookie(auth, cookie);
      t.match([down.status, down.json()['code']], [503, 'store_unavailable']);
      t.ok(Number(down.headers['retry-after']) > 0);
      t.notOk(down.headers['set-cookie'], 'the cookie stays');
      auth.clock.shift(20_000);
    }
    await postgres.start();

    const found = await refreshByCookie(auth, cookie);
    t.equal(found.status, 200);
    t.equal(cookieOf(found), cookieOf(lost), 'the successor that was lost');
    t.equal((await refreshByCookie(auth, cookieOf(found) ?? '')).status, 200, 'and the session goes on');
  },
);

t.test('refreshing', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const clock = shiftedClock({ frozen: true });
  const change = (config: AuthConfig) => ({
    ...config,
    sessions: { ...config.sessions, refreshesPerHour: 6 },
  });
  const auth = await testAuthService(t, { databaseUrl, clock, change });

  t.test('in a loop meets 429, which ends neither cookie nor session', async (t) => {
    let cookie = await loginByCookie(auth);
    for (let i = 0; i < 7; i++) {
      const answer = await refreshByCookie(auth, cookie);
      t.equal(answer.status, 200);
      cookie = cookieOf(answer) ?? '';
    }
    const limited = await refreshByCookie(auth, cookie);
    t.match([limited.status, limited.json()['code']], [429, 'rate_limited']);
    t.equal(limited.headers['retry-after'], '600');
    t.notOk(limited.headers['set-cookie']);
    t.equal((await auth.login()).token_type, 'Bearer', 'no other session is limited');
    clock.shift(600_000);
    t.equal((await refreshByCookie(auth, cookie)).status, 200);
    t.equal((await refreshByCookie(auth, cookie)).status, 429);
  });

  t.test('with the same token again costs next to nothing', async (t) => {
    const { refresh_token: token } = await auth.login();
    const answers = await Promise.all(Array.from({ length: 60 }, () => auth.refresh(token)));
    t.strictSame([...new Set(answers.map(({ status }) => status))], [200]);
  });

  t.test('with a stolen token is seen even where the limit is used up', async (t) => {
    const { refresh_token: first } = await auth.login();
    let current = first;
    for (let i = 0; i < 7; i++)
      current = (await auth.refresh(current)).json<Record<string, string>>()['refresh_token'] ?? '';
    t.equal((await auth.refresh(current)).status, 429);
    t.match((await auth.refresh(first)).json(), { code: 'refresh_token_reused' });
  });

  t.test('a reuse is on record with its age, and who used the session before and now', async (t) => {
    const reuse = async (generation: number) => {
      const at = (ip: string, userAgent: string) => ({ 'x-forwarded-for': ip, 'user-agent': userAgent });
      const owner = at('192.0.2.1', 'owner/1');
      const login = await auth.post('/auth/login', { email, password }, owner);
      const { session_id, refresh_token = '', access_token = '' } = login.json<Record<string, string>>();
      const tokens = [refresh_token];
      for (let i = 0; i < 2; i++) {
        const next = await auth.post('/auth/refresh', { refresh_token: tokens.at(-1) }, owner);
        tokens.push(next.json<Record<string, string>>()['refresh_token'] ?? '');
      }
      const usedAt = new Date(clock.now()).toISOString();
      clock.shift(301_000);
      const body = { refresh_token: tokens[generation] };
      const answer = await auth.post('/auth/refresh', body, at('198.51.100.2', 'thief/2'));
      t.match([answer.status, answer.json()['code']], [401, 'refresh_token_reused']);
      const again = await auth.post('/auth/refresh', body, at('198.51.100.2', 'thief/2'));
      t.match(again.json(), { code: 'session_revoked' });
      const records = await sql(
        databaseUrl,
        `SELECT * FROM audit_log WHERE session_id = '${session_id}' AND action = 'session.reuse'`,
      );
      t.equal(records.length, 1);
      t.match(records[0], {
        actor: 'anonymous',
        subject: decodeJwt(access_token).sub,
        ip: '198.51.100.2',
        user_agent: 'thief/2',
        detail: {
          before: { at: usedAt, ip: '192.0.2.1', userAgent: 'owner/1' },
          now: { ip: '198.51.100.2', userAgent: 'thief/2' },
        },
      });
      return (records[0] as { detail: { age: string; presented: number } }).detail;
    };
    t.match(await reuse(1), { age: 'recent parent', presented: 1, current: 2 });
    t.match(await reuse(0), { age: 'older', presented: 0, current: 2 });
  });
});

t.test('a hash of another cost is made anew at the next login', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const cheap = await testAuthService(t, { databaseUrl });
  const { refresh_token } = await cheap.login();
  const hashOf = async () => JSON.stringify(await sql(databaseUrl, 'SELECT password_hash FROM users'));
  t.match(await hashOf(), '$m=19456,t=2,p=1$');

  const passwordCost = { memoryBytes: 20 * 1024 ** 2, passes: 3, lanes: 1 };
  const change = (config: AuthConfig) => ({ ...config, accounts: { ...config.accounts, passwordCost } });
  const dear = await testAuthService(t, { databaseUrl, change, clock: cheap.clock });
  t.equal((await dear.post('/auth/login', { email, password: 'wrong' })).status, 401);
  t.match(await hashOf(), '$m=19456,t=2,p=1$', 'not by a failure');
  const logins = await Promise.all([1, 2, 3, 4].map(() => dear.post('/auth/login', { email, password })));
  t.strictSame([...new Set(logins.map(({ status }) => status))], [200], 'at once, too');
  t.match(await hashOf(), '$m=20480,t=3,p=1$');
  t.equal((await dear.post('/auth/login', { email, password })).status, 200);
  t.equal((await dear.refresh(refresh_token)).status, 200, 'no session ends by it');
});
