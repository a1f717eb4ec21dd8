/** The fixtures that other tests rely on: a fixture that lies makes all of them worthless. */
import { once } from 'node:events';
import { connect } from 'node:net';
import pg from 'pg';
import t from 'tap';
import { pause } from '../../kit/clock.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { needsPostgres, testDatabase, testPostgres } from '../fixtures/postgres.js';
import { needsRedis, testRedis } from '../fixtures/redis.js';
import { runScript } from '../fixtures/run-script.js';
import { sql } from '../fixtures/sql.js';

/** The first line of the reply to a command, or undefined when the connection is refused or ends without one. */
function ask(port: number, command: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.once('data', (reply) => {
      resolve(reply.toString().split('\r\n')[0]);
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => resolve(undefined));
  });
}

t.test('a fake clock runs due timers in order and lets promise chains settle in between', async (t) => {
  const clock = fakeClock(1000);
  const seen: string[] = [];
  const note = (what: string) => seen.push(`${what} at ${clock.now()}`);
  clock.after(30, () => note('third'));
  clock.after(10, () => {
    note('first');
    clock.after(10, () => note('second, set on the way'));
  });
  clock.after(31, () => note('too late'));
  const cancel = clock.after(5, () => note('cancelled'));
  cancel();
  void (async () => {
    await pause(clock, 10);
    for (let i = 0; i < 100; i++) await Promise.resolve();
    note('after a long chain');
  })();
  await clock.advance(30);
  t.strictSame(seen, [
    'first at 1010',
    'after a long chain at 1010',
    'second, set on the way at 1020',
    'third at 1030',
  ]);
  t.equal(clock.pendingTimers, 1);
});

t.test('a wall clock set back leaves monotonic time alone', async (t) => {
  const clock = fakeClock(1000);
  await clock.advance(10);
  clock.jumpWallClock(-500);
  t.strictSame([clock.now(), clock.monotonic()], [510, 10]);
});

t.test(
  'a test Redis can be killed, restarted empty on its port, frozen and resumed',
  needsRedis,
  async (t) => {
    const redis = await testRedis(t);
    await ask(redis.port, 'SET a 1');
    await redis.kill();
    t.equal(await ask(redis.port, 'PING'), undefined, 'refused');
    await redis.start();
    t.equal(await ask(redis.port, 'EXISTS a'), ':0');
    redis.pause();
    const answer = ask(redis.port, 'PING');
    t.equal(await Promise.race([answer, new Promise((r) => setTimeout(r, 100, 'silent'))]), 'silent');
    redis.resume();
    t.equal(await answer, '+PONG');
  },
);

t.test('a server does not outlive a test process that is killed', needsRedis, async (t) => {
  const script = runScript(`
    const { testRedis } = await import('./test/fixtures/redis.ts');
    console.log((await testRedis({ teardown() {} })).port);
    setInterval(() => {}, 1000);
  `);
  const port = Number(await script.nextLine());
  t.equal(await ask(port, 'PING'), '+PONG');
  await script.kill('SIGKILL');
  while ((await ask(port, 'PING')) !== undefined) await new Promise((r) => setTimeout(r, 20));
});

t.test('each test database is empty and its own', needsPostgres, async (t) => {
  const [one, two] = await Promise.all([testDatabase(t), testDatabase(t)]);
  await sql(one, 'CREATE TABLE a (b int)');
  t.strictSame(await sql(two, "SELECT to_regclass('a') AS a"), [{ a: null }]);
});

t.test(
  'a test PostgreSQL keeps its data and its port over a stop and over a crash',
  needsPostgres,
  async (t) => {
    const postgres = await testPostgres(t);
    await sql(postgres.url, 'CREATE TABLE a AS SELECT 1 AS b');
    await postgres.stop();
    await t.rejects(sql(postgres.url, 'SELECT 1'), { code: 'ECONNREFUSED' });
    await postgres.start();
    await sql(postgres.url, 'INSERT INTO a VALUES (2)');
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    const broken = once(client, 'error');
    await postgres.kill();
    await broken;
    await postgres.start();
    t.strictSame(await sql(postgres.url, 'SELECT b FROM a ORDER BY b'), [{ b: 1 }, { b: 2 }]);
  },
);
