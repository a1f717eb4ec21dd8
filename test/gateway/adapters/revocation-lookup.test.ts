import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { redisList } from '../../../auth-service/revocation/redis-commands.js';
import { encodeRevocation, REVOCATION_REDIS, type RevocationEntry } from '../../../contracts/revocation.js';
import { connectRedis } from '../../../gateway/adapters/redis-connection.js';
import { RevocationLookup } from '../../../gateway/adapters/revocation-lookup.js';
import type { VerifiedToken } from '../../../gateway/pipeline/states.js';
import { systemClock } from '../../../kit/clock.js';
import { createLogger } from '../../../kit/logger.js';
import { testRedis } from '../../fixtures/redis.js';

const EXP = 4_000_000_000;
const token: VerifiedToken = {
  issuer: 'i',
  subject: 'u',
  expiresAt: EXP,
  issuedAt: 1000,
  client: 'c',
  session: 's',
  tokenId: 'j',
  version: 3,
  keyId: 'k',
  scopes: [],
  roles: [],
  claims: {},
};

async function setUp(t: Test) {
  const redis = await testRedis(t);
  const client = new Redis(redis.url);
  t.teardown(() => client.disconnect());
  client.on('error', () => undefined);
  const list = redisList(client, 1000);
  await client.ping();
  await list.begin('e');
  let number = 0;
  const revoke = async (...entries: RevocationEntry[]): Promise<void> => {
    const published = entries.map((entry) => ({ entry: encodeRevocation(entry), expiresS: entry.exp }));
    number = await list.append({ epoch: 'e', number, nowS: Math.floor(Date.now() / 1000) }, published);
  };
  const lookup = new RevocationLookup({
    connect: () => connectRedis(redis.url),
    clock: systemClock,
    logger: createLogger('test', { level: 'silent' }),
  });
  lookup.start();
  t.teardown(() => lookup.stop());
  const whenSynced = async (): Promise<void> => {
    await list.markSeeded({ epoch: 'e', number }, (await list.read()).historyId);
    while (!lookup.synced) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return { redis, client, lookup, revoke, whenSynced };
}

t.test('Redis is asked for every kind of entry, as the publisher writes them', async (t) => {
  const { lookup, revoke, whenSynced } = await setUp(t);
  await whenSynced();
  t.equal(await lookup.find(token), undefined);
  const entries: RevocationEntry[] = [
    { kind: 'token', iss: 'i', jti: 'j', exp: EXP },
    { kind: 'session', iss: 'i', sid: 's', exp: EXP },
    { kind: 'subject', iss: 'i', sub: 'u', ver: 4, exp: EXP },
    { kind: 'key', iss: 'i', kid: 'k', exp: EXP },
    { kind: 'not-before', iss: 'i', before: 1001, exp: EXP },
    { kind: 'not-before', iss: 'i', before: 1001, client: 'c', exp: EXP },
    { kind: 'not-before', iss: 'i', before: 1001, sub: 'u', exp: EXP },
  ];
  for (const [index, entry] of entries.entries()) {
    const issuer = `i${index}`;
    await revoke({ ...entry, iss: issuer });
    t.ok(await lookup.find({ ...token, issuer }), JSON.stringify(entry));
  }
  t.equal(await lookup.find(token), undefined, 'of another issuer');
});

t.test('a weaker entry never replaces a stronger one', async (t) => {
  const { lookup, revoke, whenSynced, client } = await setUp(t);
  await revoke(
    { kind: 'subject', iss: 'i', sub: 'u', ver: 9, exp: EXP },
    { kind: 'subject', iss: 'i', sub: 'u', ver: 2, exp: EXP - 9 },
  );
  await whenSynced();
  t.ok(await lookup.find({ ...token, version: 8 }));
  const [key = ''] = await client.keys('*:at:*');
  t.equal(await client.expiretime(key), EXP);
});

t.test('a Redis that is gone, or knows nothing, has not answered', async (t) => {
  const { lookup, revoke, whenSynced, redis, client } = await setUp(t);
  await revoke({ kind: 'session', iss: 'i', sid: 's', exp: EXP });
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.notOk(lookup.synced, 'not before it is seeded');
  await whenSynced();
  t.ok(lookup.ageMs() < 15_000);
  await client.flushall();
  const at = lookup.ageMs();
  t.equal(await lookup.find(token), 'unanswered');
  t.ok(lookup.ageMs() >= at, 'and the age grows');
  await redis.kill();
  t.equal(await lookup.find(token), 'unanswered', 'no rejection, and no waiting');
});

t.test('neither has one that was started from an old snapshot', async (t) => {
  const { lookup, revoke, whenSynced, redis } = await setUp(t);
  await whenSynced();
  const snapshot = await redis.save();
  await revoke({ kind: 'session', iss: 'i', sid: 's', exp: EXP });
  t.match(await lookup.find(token), { sid: 's' });
  await redis.kill();
  await redis.start(snapshot);
  const until = performance.now() + 1500; // it connects again
  while (performance.now() < until) {
    const found = await lookup.find(token);
    if (found !== 'unanswered') t.fail(`found ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.equal(await redis.command('HGET', REVOCATION_REDIS.meta, 'epoch'), 'e', 'what it holds looks whole');
});
