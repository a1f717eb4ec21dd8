/**
 * The SDK's users through a true minute without the gateway, the auth services or Redis, each as processes of their own,
 * with calls going on. Access tokens live for less than that minute. Small version: test/e2e/client-outages.test.ts.
 */
import t, { type Test } from 'tap';
import { eventually } from '../fixtures/eventually.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { needsRedis } from '../fixtures/redis.js';
import { type SdkUser, sdkUser } from '../fixtures/sdk-user.js';
import { startTopology } from '../fixtures/topology.js';

const OUTAGE_MS = 60_000;
const USERS = 5;
/** Between two calls of a user. */
const PACE_MS = 50;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls without end, each user one after the other. `stop` resolves with how often each answer came. */
function keepCalling(users: readonly SdkUser[]) {
  const answers: Record<string, number> = {};
  let goesOn = true;
  const running = users.map(async ({ call }) => {
    while (goesOn) {
      const answer = await call();
      answers[answer] = (answers[answer] ?? 0) + 1;
      await sleep(PACE_MS);
    }
  });
  return async () => {
    goesOn = false;
    await Promise.all(running);
    return answers;
  };
}

t.test('the SDK’s users', { skip: needsPostgres.skip || needsRedis.skip }, async (t) => {
  const { gatewayA, authA, authB, redis } = await startTopology(t, { accessTtl: '40s' });
  const auths = [authA, authB];

  async function stayIn(t: Test, outage: { down(): Promise<unknown>; up(): Promise<unknown> }) {
    const signIn = () => sdkUser(gatewayA.url, { path: '/api/profile' });
    const users = await Promise.all(Array.from({ length: USERS }, signIn));
    const sessions = await Promise.all(users.map(({ client }) => client.getIdentity()));
    const stop = keepCalling(users);
    await outage.down();
    await sleep(OUTAGE_MS);
    await outage.up();
    const waits = users.map(({ call }) => eventually(call, (answer) => answer === '200', 20_000));
    const elapsedMs = Math.max(...(await Promise.all(waits)));
    const answers = await stop();
    const refreshes = users.map(({ asked }) => asked.get('/auth/refresh') ?? 0);
    t.comment(JSON.stringify({ answers, refreshes, againAfterMs: Math.round(elapsedMs) }));
    for (const [index, { client, changes, asked, call }] of users.entries()) {
      t.equal(await call(), '200');
      t.equal((await client.getIdentity())?.sessionId, sessions[index]?.sessionId, 'the same session');
      const reasons = changes.map(({ reason }) => reason);
      t.strictSame(reasons, ['login'], 'nobody was told of an end');
      t.equal(asked.get('/auth/login'), 1, 'nobody was asked for a password');
    }
    return { answers, refreshes };
  }

  await t.test('stay logged in through a minute without the auth services', async (t) => {
    const { answers, refreshes } = await stayIn(t, {
      down: () => Promise.all(auths.map(({ process }) => process.end('SIGKILL'))),
      up: async () => {
        await Promise.all(auths.map((auth) => auth.start()));
        await Promise.all(auths.map(({ process }) => process.line('auth service is ready')));
      },
    });
    t.ok((answers['200'] ?? 0) > 0, 'as long as their tokens lasted');
    const transient = ['200', 'upstream_unreachable', 'upstream_reset', 'upstream_timeout'];
    t.strictSame(
      Object.keys(answers).filter((answer) => !transient.includes(answer)),
      [],
    );
    const seconds = OUTAGE_MS / 1000;
    t.ok(
      refreshes.every((count) => count < seconds),
      'and a service that is away was asked about once a second at most',
    );
  });

  await t.test('stay logged in through a minute without the gateway', async (t) => {
    const { answers } = await stayIn(t, {
      down: () => gatewayA.process.end('SIGTERM'),
      up: () => gatewayA.start(),
    });
    const transient = [
      '200',
      'offline',
      'network_error',
      'shutting_down',
      'keys_unavailable',
      'revocation_stale',
    ];
    t.strictSame(
      Object.keys(answers).filter((answer) => !transient.includes(answer)),
      [],
    );
  });

  // Last: an empty Redis is filled by the auth services, which another outage would have to leave the time for.
  await t.test('stay logged in through a minute without Redis, and notice nothing', async (t) => {
    const { answers, refreshes } = await stayIn(t, { down: () => redis.kill(), up: () => redis.start() });
    t.strictSame(Object.keys(answers), ['200']);
    t.ok(refreshes.every((count) => count > 0));
  });
});
