import { Redis } from 'ioredis';
import t from 'tap';
import { redisList } from '../../auth-service/revocation/redis-commands.js';
import { encodeRevocation } from '../../contracts/revocation.js';
import { spiffeId } from '../../contracts/spiffe.js';
import { eventually } from '../fixtures/eventually.js';
import { needsRedis, testRedis } from '../fixtures/redis.js';
import { ISSUER, startWorkerGateway } from '../fixtures/worker-gateway.js';

t.test('a revocation in Redis reaches both workers', needsRedis, async (t) => {
  const redis = await testRedis(t);
  const client = new Redis(redis.url);
  t.teardown(() => client.disconnect());
  const list = redisList(client, 1000);
  await client.ping();
  await list.begin('e');
  await list.markSeeded({ epoch: 'e', number: 0 }, (await list.read()).historyId);
  const { ask, token, ready } = await startWorkerGateway(t, {
    revocation: {
      redis_url: redis.url,
      feed_url: 'https://127.0.0.1:1',
      feed_spiffe_id: spiffeId('nobody'),
    },
  });
  const headers = { authorization: `Bearer ${token()}` };
  t.strictSame(await ask(4, '/api/x', headers), [200, 200, 200, 200]);
  const [nowS, expiresS] = [Math.floor(Date.now() / 1000), Math.floor(Date.now() / 1000) + 1000];
  const entry = encodeRevocation({ kind: 'session', iss: ISSUER, sid: 'session-1', exp: expiresS });
  await list.append({ epoch: 'e', number: 0, nowS }, [{ entry, expiresS }]);
  await eventually(
    () => ask(2, '/api/x', headers),
    (statuses) => statuses.every((status) => status === 401),
  );
  t.strictSame(await ask(4, '/api/x', headers), [401, 401, 401, 401]);
  t.match(await ready(), { ready: true, revocations: { synced: true, stale: false, entries: 1 } });

  const [killed] = (await ready()).workers ?? [];
  process.kill(killed?.pid ?? 0, 'SIGKILL');
  await eventually(
    ready,
    ({ workers = [] }) =>
      workers.length === 2 && workers.every(({ state, pid }) => state === 'serving' && pid !== killed?.pid),
  );
  t.strictSame(await ask(4, '/api/x', headers), [401, 401, 401, 401], 'and one that comes later');
});
