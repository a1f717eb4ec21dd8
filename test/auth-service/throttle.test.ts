import t from 'tap';
import type { AuthConfig } from '../../auth-service/index.js';
import { DEVICE_COOKIE } from '../../contracts/auth-api.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { shiftedClock } from '../fixtures/shifted-clock.js';
import { sql } from '../fixtures/sql.js';
import { testAuthService, USER } from '../fixtures/test-auth-service.js';

const MINUTE_MS = 60_000;

t.test('guessing at passwords', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const clock = shiftedClock({ frozen: true });
  // Hundreds of attempts need no hash that is worth anything.
  const passwordCost = { memoryBytes: 64 * 1024, passes: 1, lanes: 1 };
  const change = (config: AuthConfig) => ({ ...config, accounts: { ...config.accounts, passwordCost } });
  const auth = await testAuthService(t, { databaseUrl, clock, change });
  const second = await testAuthService(t, { databaseUrl, clock, change });
  const { email, password } = USER;
  let lastAddress = 0;
  const freshAddress = () => `192.0.${(++lastAddress >> 8) & 255}.${lastAddress & 255}`;

  async function attempt(ip: string, secret: string, { on = auth, as = email, cookie = '' } = {}) {
    const headers = { 'x-forwarded-for': ip, ...(cookie && { cookie }) };
    const answer = await on.post('/auth/login', { email: as, password: secret }, headers);
    const set = answer.headers['set-cookie']?.find((text) => text.startsWith(DEVICE_COOKIE));
    return {
      status: answer.status,
      code: answer.status === 200 ? 'ok' : answer.json()['code'],
      waitS: Number(answer.headers['retry-after'] ?? 0),
      cookie: set?.split(';', 1)[0] ?? '',
    };
  }
  /** As many failures as go without delay, and further ones as soon as they are let in. */
  async function fail(times: number, from: () => string, { as = email, cookie = '' } = {}) {
    for (let i = 0; i < times; i++) {
      let answer = await attempt(from(), 'wrong', { as, cookie });
      while (answer.status === 429) {
        auth.clock.shift(answer.waitS * 1000);
        answer = await attempt(from(), 'wrong', { as, cookie });
      }
    }
  }
  const startOver = () => sql(databaseUrl, 'DELETE FROM attempt_counters');
  t.beforeEach(startOver);

  t.test('is slowed down on all instances together, longer each time, and ends by itself', async (t) => {
    const ip = freshAddress();
    for (let i = 0; i < 10; i++) {
      t.equal((await attempt(ip, 'wrong', { on: i % 2 === 0 ? auth : second })).status, 401);
    }
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      const refused = await attempt(ip, 'wrong', { on: second });
      if (i === 0) t.match(refused, { status: 429, code: 'too_many_attempts' });
      waits.push(refused.waitS);
      auth.clock.shift(refused.waitS * 1000);
      t.equal((await attempt(ip, 'wrong')).status, 401, 'after Retry-After it goes on');
    }
    t.strictSame(waits.slice(0, 4), [1, 2, 4, 8]);
    t.equal(Math.max(...waits), 900, 'bounded');
    const blocked = await attempt(ip, password);
    t.equal(blocked.status, 429, 'the right password, too: a guess is not told from the owner');
    auth.clock.shift(blocked.waitS * 1000);
    t.equal((await attempt(ip, password)).status, 200);
    t.equal((await attempt(ip, 'wrong')).status, 401, 'a success forgives');
  });

  t.test('refused attempts do not prolong the wait, and cost no hash', async (t) => {
    const ip = freshAddress();
    await fail(14, () => ip);
    const { waitS } = await attempt(ip, 'wrong');
    for (let i = 0; i < 20; i++) t.equal((await attempt(ip, 'wrong')).status, 429);
    t.ok((await attempt(ip, 'wrong')).waitS <= waitS);
  });

  t.test('many at once learn no more than one after the other', async (t) => {
    const ip = freshAddress();
    const guesses = Array.from({ length: 40 }, (_, i) =>
      attempt(ip, `guess ${i}`, { on: i % 2 ? auth : second }),
    );
    const told = (await Promise.all(guesses)).filter(({ status }) => status === 401);
    t.equal(told.length, 10);
    const late = await Promise.all(
      [password, ...Array.from({ length: 5 }, () => 'wrong')].map((secret) => attempt(ip, secret)),
    );
    t.ok(late.every(({ status }) => status === 429));
  });

  t.test('an unknown account is slowed down exactly as a known one', async (t) => {
    const run = async (as: string) => {
      const ip = freshAddress();
      const codes = [];
      for (let i = 0; i < 12; i++) codes.push((await attempt(ip, 'wrong', { as })).code);
      return codes;
    };
    t.strictSame(await run('nobody@example.test'), await run(email));
  });

  t.test('one attacker at one address does not slow down the owner at another', async (t) => {
    const attacker = freshAddress();
    await fail(25, () => attacker);
    t.equal((await attempt(attacker, password)).status, 429);
    t.equal((await attempt(freshAddress(), password)).status, 200);
  });

  t.test(
    'shared out over many addresses it is slowed down; the owner gets in from a known device',
    async (t) => {
      const { cookie } = await attempt(freshAddress(), password);
      t.match(cookie, /^__Host-gatehouse-device=gtd_/);
      await fail(40, freshAddress);
      const stranger = await attempt(freshAddress(), password);
      t.match(stranger, { status: 429, code: 'too_many_attempts' });
      t.ok(stranger.waitS <= 60, 'and an owner without a known device waits a minute at most');
      const owner = await attempt(freshAddress(), password, { cookie });
      t.equal(owner.status, 200);
      t.equal((await attempt(freshAddress(), password, { cookie: owner.cookie })).status, 200);
    },
  );

  t.test('a device cookie is good for its own account and for no other purpose', async (t) => {
    const other = { ...USER, email: 'bob@example.test' };
    await auth.ensureAccount(other);
    const { cookie } = await attempt(freshAddress(), password, { as: other.email });
    await fail(40, freshAddress);
    t.equal((await attempt(freshAddress(), password, { cookie })).status, 429, "somebody else's");
    t.equal((await attempt(freshAddress(), password, { cookie: `${cookie.slice(0, -4)}AAAA` })).status, 429);
    const { cookie: own } = await attempt(freshAddress(), password, { as: other.email, cookie });
    t.equal((await attempt(freshAddress(), 'wrong', { as: other.email, cookie: own })).status, 401);
    const me = await auth.get('/auth/sessions', { cookie: own });
    t.equal(me.status, 401, 'it lets nobody in');
  });

  t.test('a stolen device cookie is slowed down on its own', async (t) => {
    const { cookie } = await attempt(freshAddress(), password);
    await fail(15, freshAddress, { cookie });
    t.equal((await attempt(freshAddress(), password, { cookie })).status, 429);
    t.equal((await attempt(freshAddress(), password)).status, 200, 'the account is not');
  });

  t.test('a common password tried on many accounts is slowed down', async (t) => {
    const ip = freshAddress();
    let account = 0;
    const next = () => `user${++account}@example.test`;
    for (let i = 0; i < 100; i++) {
      const { status } = await attempt(ip, 'wrong', { as: next() });
      if (status !== 401) t.fail(`attempt ${i} answered ${status}`);
    }
    t.equal((await attempt(ip, 'wrong', { as: next() })).status, 429);
    t.equal((await attempt(freshAddress(), 'wrong', { as: next() })).status, 401);
  });

  t.test('addresses of one IPv6 customer count as one', async (t) => {
    let last = 0;
    const inPrefix = () => `2001:db8:7:1:${(++last).toString(16)}::1`;
    await fail(12, inPrefix);
    t.equal((await attempt(inPrefix(), password)).status, 429);
    t.equal((await attempt('2001:db8:7:2::1', password)).status, 200, 'the next customer');
  });

  t.test('is forgiven with time, and what is forgiven is cleaned up', async (t) => {
    const ip = freshAddress();
    await fail(11, () => ip);
    auth.clock.shift(30 * MINUTE_MS);
    t.equal((await attempt(ip, 'wrong')).status, 401, 'one more is free again');
    const [row] = (await sql(databaseUrl, 'SELECT count(*)::int AS n FROM attempt_counters')) as {
      n: number;
    }[];
    t.equal(row?.n, 3, 'account, address, and both together');
  });

  t.test('leaves a record of each failure that was told, without address or password', async (t) => {
    await sql(databaseUrl, `SELECT 1`);
    await attempt(freshAddress(), 'not-the-password');
    const [record] = await sql(databaseUrl, 'SELECT * FROM audit_log ORDER BY id DESC LIMIT 1');
    t.match(record, { action: 'session.login-failed', actor: 'anonymous', ip: /^192\.0\./ });
    t.notMatch(JSON.stringify(record), /not-the-password|ann@/);
  });
});
