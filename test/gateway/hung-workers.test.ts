import cluster from 'node:cluster';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import type { ReadinessReport, WorkerState } from '../../contracts/admin-api.js';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { startPrimary } from '../../gateway/cluster/primary.js';
import { loadGatewayConfig } from '../../gateway/index.js';
import { createLogger } from '../../kit/logger.js';
import { transpileSources } from '../fixtures/build.js';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { testPki } from '../fixtures/pki.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

// By the clock: test/long/workers.test.ts.
t.test('a worker that gives no sign of life is killed and replaced', async (t) => {
  const dir = temporaryFolder(t);
  const pki = await testPki();
  const pem = { ca: pki.ca, ...(await pki.leaf('gateway', GATEWAY_SPIFFE_ID)) };
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const file = write(
    'gateway.yaml',
    stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      ...{ workers: 2, shutdown_delay: '0s', drain_timeout: '1s' },
      internal_tls: {
        ca: write('ca.pem', pem.ca),
        cert: write('cert.pem', pem.cert),
        key: write('key.pem', pem.key),
      },
      issuers: {},
      revocation: { mode: 'off', feed_url: 'https://127.0.0.1:1', feed_spiffe_id: spiffeId('nobody') },
      ...{ upstreams: {}, auth: {} },
      routes: [{ path: '/*', methods: ['GET'], auth: 'public', reply: { body: 'here' } }],
    }),
  );
  // Workers are processes as ever; the primary is here, for its clock to be moved.
  const main = join(transpileSources(), 'cli', 'main.js');
  cluster.setupPrimary({ exec: main, args: ['gateway', '--config', file], silent: true });
  const [clock, logs] = [fakeClock(), [] as string[]];
  const logger = createLogger('gateway', { destination: { write: (line) => void logs.push(line) } });
  const gateway = await startPrimary(loadGatewayConfig(file, {}), 2, { clock, logger });
  t.teardown(() => gateway.stop());
  const ready = async () => (await fetch(`${gateway.adminUrl}/ready`)).json() as Promise<ReadinessReport>;
  const metrics = async () => (await fetch(`${gateway.adminUrl}/metrics`)).text();
  /** The first worker answers it, after all that it has been asked before. */
  const firstHasAnswered = async () => {
    const body = JSON.stringify({ method: 'GET', url: '/' });
    const headers = { 'content-type': 'application/json' };
    const reply = await fetch(`${gateway.adminUrl}/explain`, { method: 'POST', headers, body });
    t.equal(reply.status, 200);
  };
  const [kept, blocked] = (await ready()).workers ?? [];
  if (kept === undefined || blocked === undefined) throw new Error('there are not two workers');
  const ended = once(cluster, 'exit');
  process.kill(blocked.pid, 'SIGSTOP');
  t.teardown(() => {
    try {
      process.kill(blocked.pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  });

  for (let round = 0; round <= 5; round++) {
    t.notMatch(logs.join(''), /sign of life/, `not after ${round} rounds of 2 s`);
    await clock.advance(2000);
    await firstHasAnswered();
  }

  const [, , signal] = (await ended) as [unknown, unknown, string];
  t.equal(signal, 'SIGKILL');
  const killed = logs.map((line) => JSON.parse(line) as object).find((line) => 'silentMs' in line);
  t.match(killed, { level: 50, worker: 2, pid: blocked.pid, silentMs: 10_000 });

  await clock.advance(100);
  const serves = ({ state }: WorkerState): boolean => state === 'serving';
  await eventually(ready, ({ workers = [] }) => workers.length === 2 && workers.every(serves));

  const { workers = [] } = await ready();
  t.match(workers, [{ number: 1, pid: kept.pid }, { number: 2 }]);
  t.not(workers[1]?.pid, blocked.pid);
  t.match(await metrics(), /^gatehouse_worker_hangs_total 1$/m);
  t.match(await metrics(), /^gatehouse_worker_crashes_total 1$/m);

  t.equal(await (await fetch(gateway.url)).text(), 'here');
});
