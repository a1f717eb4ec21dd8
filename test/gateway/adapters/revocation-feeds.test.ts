import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { Agent } from 'undici';
import { redisList } from '../../../auth-service/revocation/redis-commands.js';
import {
  encodeRevocation,
  REVOCATION_REDIS,
  type RevocationEntry,
  type RevocationSink,
  redisHistoryId,
} from '../../../contracts/revocation.js';
import { createHttpRevocationFeed } from '../../../gateway/adapters/http-revocation-feed.js';
import { connectRedis } from '../../../gateway/adapters/redis-connection.js';
import { createRedisRevocationFeed } from '../../../gateway/adapters/redis-revocation-feed.js';
import { testRedis } from '../../fixtures/redis.js';

const session = (sid: string): RevocationEntry => ({ kind: 'session', iss: 'i', sid, exp: 4_000_000_000 });

/** A sink that writes down what it is told, and tells when something is there. */
function recorder() {
  const sids = new Set<string>();
  let syncs = 0;
  let answers = 0;
  let wake: () => void = () => undefined;
  const sink: RevocationSink = {
    merge(entries) {
      for (const entry of entries) if (entry.kind === 'session') sids.add(entry.sid);
      wake();
    },
    synced() {
      syncs += 1;
      wake();
    },
    answered() {
      answers += 1;
      wake();
    },
  };
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { sink, sids, until, syncs: () => syncs, answers: () => answers };
}

/** Plays the auth service's part in Redis, step by step. */
async function publisher(t: Test, url: string) {
  const redis = new Redis(url);
  t.teardown(() => redis.disconnect());
  const { set, stream, meta } = REVOCATION_REDIS;
  const history = redisHistoryId(await redis.info('replication'));
  let number = 0;
  const entryCommands = (epoch: string, sid: string): [string, ...(string | number)[]][] => {
    number += 1;
    const text = encodeRevocation(session(sid));
    return [
      ['hset', meta, 'epoch', epoch, 'number', number],
      ['zadd', set, 4_000_000_000, text],
      ['xadd', stream, '*', 'n', number, 'e', epoch, 'd', text],
    ];
  };
  const add = (epoch: string, sid: string) => redis.multi(entryCommands(epoch, sid)).exec();
  const seed = (epoch: string, sids: string[]) => {
    number = 0;
    const entries = sids.flatMap((sid) => entryCommands(epoch, sid));
    return redis
      .multi([
        ['del', set, stream, meta],
        ...entries,
        ['hset', meta, 'epoch', epoch, 'number', number, 'seeded', history],
      ])
      .exec();
  };
  return { redis, add, seed, skip: () => (number += 1) };
}

t.test('Redis: the whole list, then each change', async (t) => {
  const { url } = await testRedis(t);
  const { add, seed } = await publisher(t, url);
  await seed(
    'e1',
    Array.from({ length: 2500 }, (_, i) => `s-${i}`),
  );
  const { sink, sids, until, syncs, answers } = recorder();
  const stop = new AbortController();
  const following = createRedisRevocationFeed({ connect: () => connectRedis(url), blockMs: 50 }).follow(
    sink,
    stop.signal,
  );
  await until(() => syncs() === 1);
  t.equal(sids.size, 2500);
  await add('e1', 'new');
  await until(() => sids.has('new'));
  const before = answers();
  await until(() => answers() > before + 2);
  t.equal(syncs(), 1, 'and it answers all the time without reading the list again');
  stop.abort();
  await following;
});

t.test(
  'Redis: a gap, another epoch and a flush read the whole list again; nothing is forgotten',
  async (t) => {
    const { url } = await testRedis(t);
    const { redis, add, seed, skip } = await publisher(t, url);
    await seed('e1', ['a']);
    const { sink, sids, until, syncs } = recorder();
    const stop = new AbortController();
    t.teardown(() => stop.abort());
    const feed = createRedisRevocationFeed({ connect: () => connectRedis(url), blockMs: 50 });
    const first = feed.follow(sink, stop.signal);
    await until(() => syncs() === 1);
    await redis.zadd(REVOCATION_REDIS.set, 4_000_000_000, encodeRevocation(session('trimmed')));
    skip();
    await add('e1', 'b');
    await until(() => sids.has('trimmed') && sids.has('b') && syncs() > 1);
    t.equal(syncs(), 2, 'a jump in the numbers');
    await seed('e2', ['c']);
    await until(() => sids.has('c') && syncs() > 2); // another epoch
    t.ok(sids.has('a'));
    await redis.flushall();
    await t.rejects(first, /not seeded/, 'an empty Redis knows nothing and is no answer');
  },
);

t.test('Redis: one that is not seeded is never in sync', async (t) => {
  const { url } = await testRedis(t);
  const { sink, syncs } = recorder();
  const feed = createRedisRevocationFeed({ connect: () => connectRedis(url), blockMs: 50 });
  await t.rejects(feed.follow(sink, new AbortController().signal), /not seeded/);
  t.equal(syncs(), 0);
});

t.test('Redis: a list that lost entries is no answer, though it says it is whole', async (t) => {
  const redis = await testRedis(t);
  const client = new Redis(redis.url);
  client.on('error', () => undefined);
  t.teardown(() => client.disconnect());
  const list = redisList(client, 1000);
  let number = 0;
  const append = async (sid: string) => {
    const published = { entry: encodeRevocation(session(sid)), expiresS: 4_000_000_000 };
    number = await list.append({ epoch: 'e', number, nowS: 1 }, [published]);
  };
  const seed = async (...sids: string[]) => {
    while (client.status !== 'ready') await new Promise((resolve) => setTimeout(resolve, 5));
    await list.begin('e');
    number = 0;
    for (const sid of sids) await append(sid);
    await list.markSeeded({ epoch: 'e', number }, (await list.read()).historyId);
  };
  const feed = createRedisRevocationFeed({ connect: () => connectRedis(redis.url), blockMs: 50 });
  const follow = async () => {
    const { sink, sids, syncs } = recorder();
    const stop = new AbortController();
    const { synced } = sink;
    sink.synced = () => {
      synced();
      stop.abort();
    };
    await feed.follow(sink, stop.signal);
    return { syncs: syncs(), sids: [...sids] };
  };

  await seed('old');
  t.strictSame(await follow(), { syncs: 1, sids: ['old'] });
  const snapshot = await redis.save();
  await append('lost');
  await redis.kill();
  await redis.start(snapshot);
  await t.rejects(follow(), /not seeded/, 'started from an old snapshot');

  await seed('old', 'lost');
  const failOver = await redis.staleReplica();
  await append('lost too');
  await failOver();
  await t.rejects(follow(), /not seeded/, 'a replica that took over');

  await seed('old', 'lost', 'lost too');
  const stale = await testRedis(t);
  await stale.command('REPLICAOF', '127.0.0.1', redis.port);
  while (Number(await stale.command('EXISTS', REVOCATION_REDIS.meta)) === 0);
  await stale.command('REPLICAOF', 'NO', 'ONE');
  await append('lost as well');
  await redis.command('REPLICAOF', '127.0.0.1', stale.port);
  while ((await list.read()).number === number);
  await t.rejects(follow(), /not seeded/, 'the old master, now a replica of the one that took over');
  await redis.command('REPLICAOF', 'NO', 'ONE');
  await t.rejects(follow(), /not seeded/, 'and master again');
});

t.test('Redis: a flush while the list is read is not taken for its end', async (t) => {
  const { url } = await testRedis(t);
  const { redis, seed } = await publisher(t, url);
  const all = Array.from({ length: 2500 }, (_, i) => `s-${i}`);
  await seed('e1', all);
  const { sink, sids, syncs } = recorder();
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const connect = async () => {
    const connection = await connectRedis(url);
    const { zscan } = connection.redis;
    connection.redis.zscan = (async (...args: Parameters<typeof zscan>) => {
      if (args[1] !== '0') await redis.flushall();
      return zscan.apply(connection.redis, args);
    }) as typeof zscan;
    return connection;
  };
  const feed = createRedisRevocationFeed({ connect, blockMs: 50 });
  await t.rejects(feed.follow(sink, stop.signal), /not seeded/);
  t.ok(sids.size < all.length, `${sids.size} of ${all.length}`);
  t.equal(syncs(), 0);
});

t.test('Redis: gone is a rejection, not a crash', async (t) => {
  const redis = await testRedis(t);
  const { seed } = await publisher(t, redis.url);
  await seed('e1', []);
  const { sink, until, syncs } = recorder();
  const feed = createRedisRevocationFeed({ connect: () => connectRedis(redis.url), blockMs: 50 });
  const following = feed.follow(sink, new AbortController().signal);
  await until(() => syncs() === 1);
  await Promise.all([t.rejects(following), redis.kill()]);
  await t.rejects(feed.follow(sink, new AbortController().signal));
});

t.test('HTTP: the list, the changes, and an end that is an error', async (t) => {
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    responses.push(response);
    response.write(`${JSON.stringify({ entries: [session('a')] })}\n{"synced":true}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  const agent = new Agent();
  t.teardown(() => agent.destroy());
  const feed = createHttpRevocationFeed(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, agent);

  const { sink, sids, until, syncs, answers } = recorder();
  const following = feed.follow(sink, new AbortController().signal);
  await until(() => syncs() === 1);
  responses[0]?.write(`${JSON.stringify({ entries: [session('b')] })}\n`);
  await until(() => sids.has('b'));
  const before = answers();
  responses[0]?.write('{"ping":true}\n');
  await until(() => answers() > before);
  responses[0]?.end();
  await t.rejects(following, /ended/);

  const second = feed.follow(sink, new AbortController().signal);
  await until(() => syncs() === 2);
  responses[1]?.write('{"entries":[{"kind":"unheard-of","iss":"i","exp":1}]}\n');
  await t.rejects(second, /unknown form/, 'an entry that cannot be read is not skipped');

  const stop = new AbortController();
  const third = feed.follow(sink, stop.signal);
  await until(() => syncs() === 3);
  stop.abort();
  await t.rejects(third, 'an abort ends it');
});
