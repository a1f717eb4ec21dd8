import t from 'tap';
import { eventually } from '../fixtures/eventually.js';
import { testKey } from '../fixtures/test-issuer.js';
import { ISSUER, startWorkerGateway } from '../fixtures/worker-gateway.js';

// Under load, with crashes and restarts: test/gateway/workers-load.test.ts.
t.test('two workers are one gateway', async (t) => {
  const gateway = await startWorkerGateway(t);
  const { ask, metric, servedBy } = gateway;
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const all = (statuses: number[], status: number): boolean => statuses.every((each) => each === status);

  await t.test('both serve, and the keys are fetched once for both', async (t) => {
    t.ok(all(await ask(10, '/api/x', bearer(gateway.token())), 200));
    await eventually(
      async () => [...servedBy().values()].reduce((sum, count) => sum + count, 0),
      (logged) => logged === 10,
      5000,
    );
    t.strictSame([...servedBy()].sort(), [
      [1, 5],
      [2, 5],
    ]);
    t.equal(gateway.keyFetches(), 1);
    t.match(await gateway.ready(), {
      ready: true,
      issuers: { main: { state: 'ready', keys: 1 } },
      workers: [
        { number: 1, state: 'serving', ready: true },
        { number: 2, state: 'serving', ready: true },
      ],
    });
  });

  await t.test('both sign assertions with the same keys', async (t) => {
    const path = '/.well-known/gatehouse/jwks.json';
    const [first, second] = [await gateway.body(path), await gateway.body(path)];
    t.match(JSON.parse(first), { keys: [{ kty: 'EC' }] });
    t.equal(second, first);
  });

  await t.test('metrics are those of both, and of each process where a sum says nothing', async (t) => {
    t.equal(await metric(/^gatehouse_requests_total\{.*\/api\/\*.*2xx/), 10);
    t.equal(await metric(/^gatehouse_request_duration_seconds_count\{.*\/api\/\*/), 10);
    t.equal(await metric(/^gatehouse_jwks_keys/), 1);
    t.equal(await metric(/^gatehouse_workers\{state="serving"/), 2);
    t.equal(await metric(/^gatehouse_worker_crashes_total /), 0);
    for (const worker of ['primary', '1', '2'])
      t.ok((await metric(new RegExp(`^process_resident_memory_bytes\\{worker="${worker}"`))) > 0, worker);
  });

  await t.test('a key that nobody knows is fetched once for both', async (t) => {
    const next = await testKey();
    gateway.publish(next);
    t.ok(all(await ask(4, '/api/x', bearer(gateway.token(next))), 200));
    t.equal(gateway.keyFetches(), 2);
    t.ok(all(await ask(2, '/api/x', bearer(gateway.token())), 401), 'the old one is gone from both');
    const unknown = gateway.token(await testKey());
    t.ok(all(await ask(4, '/api/x', bearer(unknown)), 401));
    t.equal(gateway.keyFetches(), 2, 'one cooldown for both');
  });

  await t.test('a revocation reaches both within a second', async (t) => {
    const next = await testKey();
    gateway.publish(next);
    const exp = Math.floor(Date.now() / 1000) + 1000;
    const [kept] = ((await (await fetch(`${gateway.adminUrl}/jwks`)).json()) as KeySets).issuers;
    // Both are told, and what has come in its place is fetched once.
    gateway.revoke({ kind: 'key', iss: ISSUER, kid: kept?.keys[0]?.kid ?? '', exp });
    await eventually(
      async () => gateway.keyFetches(),
      (fetches) => fetches === 3,
      5000,
    );
    await eventually(
      async () => ask(2, '/api/x', bearer(gateway.token(next))),
      (statuses) => all(statuses, 200),
      5000,
    );
    gateway.revoke({ kind: 'session', iss: ISSUER, sid: 'session-1', exp });
    const tookMs = await eventually(
      async () => ask(2, '/api/x', bearer(gateway.token(next))),
      (statuses) => all(statuses, 401),
      5000,
    );
    t.ok(tookMs < 1000, `${tookMs} ms`);
    t.equal(gateway.keyFetches(), 3);
  });

  await t.test('a rate limit is the limit of both together', async (t) => {
    const statuses = await ask(60, '/limited');
    const passed = statuses.filter((status) => status === 200).length;
    // At most a burst of what comes while the other does not know yet (ADR 0013).
    t.ok(passed >= 20 && passed <= 30, `${passed} of a limit of 20`);
    t.ok(all(await ask(4, '/limited'), 429), 'and both hold the caller back');
  });

  await t.test('SIGTERM ends all of them with 0', async (t) => {
    const { workers = [] } = await gateway.ready();
    t.equal(await gateway.process.end('SIGTERM'), 'exit code 0');
    for (const { pid } of workers) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
});

interface KeySets {
  issuers: { keys: { kid: string }[] }[];
}
