import cluster from 'node:cluster';
import { once } from 'node:events';
import t from 'tap';
import type { WorkerState } from '../../../contracts/admin-api.js';
import { eventually } from '../../fixtures/eventually.js';
import { startPrimaryHere } from '../../fixtures/primary-here.js';

const textOf = async (url: string): Promise<string> => (await fetch(url)).text();
const serves = ({ state }: WorkerState): boolean => state === 'serving';

// By the clock: test/long/workers.test.ts.
t.test('a worker that gives no sign of life is killed and replaced', async (t) => {
  const { clock, logs, ready, ...gateway } = await startPrimaryHere(t);
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
  for (let round = 0; round <= 5; round++) {
    t.notMatch(logs.join(''), /sign of life/, `not after ${round} rounds of 2 s`);
    await clock.advance(2000);
    await firstHasAnswered();
  }
  const killed = logs.map((line) => JSON.parse(line) as object).find((line) => 'silentMs' in line);
  t.match(killed, { level: 50, worker: 2, pid: blocked.pid, silentMs: 10_000 });
  // In any case, so that nothing is left of it.
  if (killed === undefined) process.kill(blocked.pid, 'SIGKILL');
  const [, , signal] = (await ended) as [unknown, unknown, string];
  t.equal(signal, 'SIGKILL');
  await clock.advance(100);
  await eventually(ready, ({ workers = [] }) => workers.length === 2 && workers.every(serves));
  const { workers = [] } = await ready();
  t.match(workers, [{ number: 1, pid: kept.pid }, { number: 2 }]);
  t.not(workers[1]?.pid, blocked.pid);
  const metrics = await textOf(`${gateway.adminUrl}/metrics`);
  t.match(metrics, /^gatehouse_worker_hangs_total 1$/m);
  t.match(metrics, /^gatehouse_worker_crashes_total 1$/m);
  t.equal(await textOf(gateway.url), 'first');
});

t.test('what the primary finds good and its workers refuse is put in force nowhere', async (t) => {
  const gateway = await startPrimaryHere(t, { ONLY_HERE: 'second' });
  const version = (): Promise<string> => textOf(`${gateway.adminUrl}/version`);
  const before = await version();
  gateway.write(`\${ONLY_HERE}`);
  const report = await gateway.reload('admin');
  t.match(report, { result: 'refused', problems: [{ code: 'config_env_missing' }] });
  t.equal(await version(), before);
  t.equal(await textOf(gateway.url), 'first');
  t.match(await gateway.ready(), { ready: true, config: { differs_from_file: true } });
  gateway.write('third');
  t.match(await gateway.reload('admin'), { result: 'applied' });
  t.strictSame([await textOf(gateway.url), await textOf(gateway.url)], ['third', 'third']);
});
