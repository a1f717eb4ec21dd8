import t from 'tap';
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
