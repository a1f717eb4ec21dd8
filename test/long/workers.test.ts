import t from 'tap';
import { eventually } from '../fixtures/eventually.js';
import { startWorkerGateway } from '../fixtures/worker-gateway.js';
import { workersUnderLoad } from '../fixtures/workers-under-load.js';

t.test('twenty rounds of a kill, a restart of all and a reload, under load', async (t) => {
  const [clients, rounds] = [16, 20];
  const figures = await workersUnderLoad(t, { clients, rounds });
  t.comment(JSON.stringify(figures));
  t.strictSame(figures.failures, []);
  t.ok(
    figures.broken <= 2 * clients * rounds,
    `${figures.broken} requests ended with the workers that were killed`,
  );
  t.ok(figures.toldToClose > 0);
  t.strictSame(figures.wrongVersions, []);
  t.notOk(figures.countFell);
});

t.test('a stopped worker is killed within 12 s and replaced', async (t) => {
  const { ready, metric, ask } = await startWorkerGateway(t);
  const [stopped, other] = (await ready()).workers ?? [];
  process.kill(stopped?.pid ?? 0, 'SIGSTOP');
  const tookMs = await eventually(
    () => metric(/^gatehouse_worker_hangs_total /),
    (hangs) => hangs === 1,
    30_000,
  );
  t.comment(`killed after ${Math.round(tookMs)} ms`);
  await eventually(
    ready,
    ({ workers = [] }) =>
      workers.length === 2 && workers.every(({ state, pid }) => state === 'serving' && pid !== stopped?.pid),
  );
  t.ok((await ready()).workers?.some(({ pid }) => pid === other?.pid));
  t.strictSame(await ask(2, '/public/x'), [200, 200]);
});
