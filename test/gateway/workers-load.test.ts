import t from 'tap';
import { workersUnderLoad } from '../fixtures/workers-under-load.js';

// Again and again, with more clients: test/long/workers.test.ts.
t.test('workers that are killed, restarted and given another config, under load', async (t) => {
  const clients = 4;
  const figures = await workersUnderLoad(t, { clients, rounds: 1 });
  t.comment(JSON.stringify(figures));
  t.strictSame(figures.failures, [], 'no request fails for a restart or a reload');
  // A client has one request under way, and asks again at once.
  t.ok(figures.broken <= 2 * clients, `${figures.broken} requests ended with the worker that was killed`);
  t.ok(figures.toldToClose > 0, 'who came back to a worker that was leaving was told to');
  t.strictSame(figures.wrongVersions, []);
  t.notOk(figures.countFell, 'what a worker has counted is not lost with it');
});
