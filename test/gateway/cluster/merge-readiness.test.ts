import t from 'tap';
import type { WorkerState } from '../../../contracts/admin-api.js';
import { mergeReadiness, type PrimaryReadiness } from '../../../gateway/cluster/merge-readiness.js';
import type { WorkerReadiness } from '../../../gateway/cluster/messages.js';

const report = (changes: Partial<WorkerReadiness> = {}): WorkerReadiness => ({
  ...{ ready: true, shutting_down: false, issuers: { main: { state: 'ready', keys: 1, age_ms: 5 } } },
  revocations: { synced: true, stale: false, entries: 3, age_ms: 10 },
  upstreams: { app: { targets: 2, available: 2, circuit: 'closed' } },
  ...{ rate_limits: { state: 'shared' }, certificates: [] },
  ...changes,
});
const worker = (number: number, changes: Partial<WorkerState> = {}): WorkerState => ({
  ...{ number, pid: number, state: 'serving', ready: true },
  ...changes,
});
const primary = (workers: WorkerState[], changes: object = {}): PrimaryReadiness => ({
  config: {} as PrimaryReadiness['config'],
  ...{ certificates: [], issuers: { main: { state: 'ready', keys: 1, age_ms: 5 } } },
  ...{ shutting_down: false, starting: false, workers },
  ...changes,
});

t.test('ready is who serves, and all who do', async (t) => {
  const both = [report(), report()];
  t.equal(mergeReadiness(both, primary([worker(1), worker(2)])).ready, true);
  t.equal(mergeReadiness(both, primary([worker(1), worker(2, { ready: false })])).ready, false);
  const replaced = [worker(1), worker(2, { state: 'starting', ready: false })];
  t.equal(mergeReadiness([report()], primary(replaced)).ready, true, 'one that is replaced');
  t.equal(mergeReadiness([report()], primary(replaced, { starting: true })).ready, false, 'the first start');
  const leaving = [worker(1), worker(1, { state: 'leaving', ready: false })];
  t.equal(mergeReadiness([report()], primary(leaving)).ready, true);
  t.equal(mergeReadiness([], primary([])).ready, false, 'nobody');
  t.equal(mergeReadiness(both, primary([worker(1), worker(2)], { shutting_down: true })).ready, false);
});

t.test('of each part the worst that a worker says', async (t) => {
  const worse = report({
    issuers: { main: { state: 'no keys', keys: 0, age_ms: null } },
    revocations: { synced: false, stale: true, entries: 2, age_ms: null },
    upstreams: { app: { targets: 2, available: 1, circuit: 'half_open' } },
    rate_limits: { state: 'alone' },
  });
  t.match(mergeReadiness([report(), worse], primary([worker(1), worker(2)])), {
    issuers: { main: { state: 'no keys' } },
    revocations: { synced: false, stale: true, entries: 3, age_ms: null },
    upstreams: { app: { targets: 2, available: 1, circuit: 'half_open' } },
    rate_limits: { state: 'alone' },
  });
  t.match(mergeReadiness([], primary([])).revocations, { synced: false, age_ms: null });
});
