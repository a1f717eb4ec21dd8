/**
 * The SDK's user through outages: a real auth service with PostgreSQL, a gateway and Redis, and a clock that is moved by
 * hand in place of a minute. With that minute, and separate processes: test/long/client-outages.test.ts.
 */
import t, { type Test } from 'tap';
import { type AuthConfig, startAuthService } from '../../auth-service/index.js';
import { createLogger } from '../../kit/logger.js';
import { eventually } from '../fixtures/eventually.js';
import { freePort } from '../fixtures/free-port.js';
import { startGatewayOf } from '../fixtures/gateway-and-auth.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { needsRedis, testRedis } from '../fixtures/redis.js';
import { type SdkUser, sdkUser } from '../fixtures/sdk-user.js';
import { testAuthService } from '../fixtures/test-auth-service.js';

const MINUTE_MS = 60_000;
/** An access token has ended by then, and a session has not. */
const LONG_MS = 16 * MINUTE_MS;

/** Answered by the gateway itself, to whom it lets in. */
const WHO: object = { path: '/who', methods: ['GET'], auth: 'caller', reply: { body: { ok: true } } };

async function start(t: Test) {
  const [port, listen, internal] = await Promise.all([freePort(), freePort(), freePort()]);
  const issuer = `http://127.0.0.1:${port}`;
  const [databaseUrl, redis] = await Promise.all([testDatabase(t), testRedis(t)]);
  const configs: AuthConfig[] = [];
  const auth = await testAuthService(t, {
    databaseUrl,
    redisUrl: redis.url,
    change(shipped) {
      const config = {
        ...shipped,
        issuer,
        listen: { ...shipped.listen, port: listen },
        internal: { ...shipped.internal, port: internal },
      };
      configs.push(config);
      return config;
    },
  });
  const startAuth = async () => {
    const [config] = configs;
    if (config === undefined) throw new Error('it has never been started');
    const logger = createLogger('auth-service', { level: 'silent' });
    const service = await startAuthService(config, { clock: auth.clock, logger });
    t.teardown(() => service.stop());
  };
  const startGateway = () =>
    startGatewayOf(t, auth, {
      ...{ issuer, port, feed: 'internal listener', redisUrl: redis.url },
      change: ({ routes, upstreams: { auth, ...upstreams }, ...value }) => ({
        ...value,
        // A connection made ahead would keep a stop of the auth service waiting for a while.
        upstreams: { ...upstreams, ...(auth && { auth: { ...auth, connections: { warm: 0 } } }) },
        routes: [...routes, WHO as (typeof routes)[number]],
      }),
    });
  const gateway = await startGateway();
  const signIn = async () => {
    const user = await sdkUser(issuer, { path: '/who', now: () => auth.clock.now() });
    return { ...user, sessionId: (await user.client.getIdentity())?.sessionId };
  };
  return { gateway, startGateway, auth, startAuth, redis, signIn };
}

/** The same person in the same session, who was asked for a password once. */
async function isStillIn(t: Test, { client, changes, asked, call, sessionId }: SignedIn) {
  const elapsedMs = await eventually(call, (answer) => answer === '200', 5000);
  t.comment(`again after ${Math.round(elapsedMs)} ms`);
  t.equal((await client.getIdentity())?.sessionId, sessionId, 'the same session');
  const reasons = changes.map(({ reason }) => reason);
  t.strictSame(reasons, ['login'], 'nobody was told of an end');
  t.equal(asked.get('/auth/login'), 1);
}

type SignedIn = SdkUser & { sessionId: string | undefined };

t.test('the SDK’s user stays logged in', { skip: needsPostgres.skip || needsRedis.skip }, async (t) => {
  const { gateway, startGateway, auth, startAuth, redis, signIn } = await start(t);

  t.test('while Redis is down', async (t) => {
    const user = await signIn();
    await redis.kill();
    for (const passedMs of [0, MINUTE_MS, LONG_MS]) {
      auth.clock.shift(passedMs);
      t.equal(await user.call(), '200', `after ${passedMs / MINUTE_MS} min`);
    }
    t.equal(user.asked.get('/auth/refresh'), 1, 'the token was renewed meanwhile');
    await redis.start();
    await isStillIn(t, user);
  });

  t.test('while the auth service is down', async (t) => {
    const user = await signIn();
    await auth.stop();
    for (const passedMs of [0, MINUTE_MS, 13.5 * MINUTE_MS]) {
      auth.clock.shift(passedMs);
      t.equal(await user.call(), '200', `${passedMs / MINUTE_MS} min later: the token serves`);
    }
    auth.clock.shift(MINUTE_MS);
    for (let i = 0; i < 20; i++) t.equal(await user.call(), 'upstream_unreachable');
    t.ok((user.asked.get('/auth/refresh') ?? 0) < 20, 'which is not asked for by each call');
    await startAuth();
    await isStillIn(t, user);
  });

  t.test('while the gateway restarts', async (t) => {
    const user = await signIn();
    await gateway.stop();
    t.equal(await user.call(), 'offline', 'what the platform’s fetch says');
    auth.clock.shift(LONG_MS);
    t.equal(await user.call(), 'network_error', 'the token could not be renewed');
    await startGateway();
    await isStillIn(t, user);
  });
});
