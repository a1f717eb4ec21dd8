import t from 'tap';
import { createMetrics } from '../../../gateway/adapters/metrics.js';
import { SILENT_MS, Watchdog } from '../../../gateway/cluster/watchdog.js';
import type { WorkerProcess } from '../../../gateway/cluster/worker-process.js';
import { createLogger } from '../../../kit/logger.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

/** One that answers at once, or once it is let go on. */
class FakeWorker {
  state: WorkerProcess['state'] = 'serving';
  isHung = false;
  asked = 0;
  kills = 0;
  readonly number: number;
  readonly pid: number;
  readonly #held: (() => void)[] = [];
  readonly channel = {
    ask: (): Promise<null> => {
      this.asked += 1;
      return new Promise((resolve) => {
        if (this.isHung) this.#held.push(() => resolve(null));
        else resolve(null);
      });
    },
  };

  constructor(number: number) {
    this.number = number;
    this.pid = 100 + number;
  }

  goOn(): void {
    this.isHung = false;
    for (const answer of this.#held.splice(0)) answer();
  }

  kill(): void {
    this.kills += 1;
    this.state = 'leaving';
  }
}

function watched(count: number) {
  const [clock, logs, metrics] = [fakeClock(), [] as string[], createMetrics()];
  const workers = Array.from({ length: count }, (_, index) => new FakeWorker(index + 1));
  const watchdog = new Watchdog({
    alive: () => workers as unknown as WorkerProcess[],
    clock,
    logger: createLogger('test', { destination: { write: (line) => void logs.push(line) } }),
  });
  watchdog.measure(metrics);
  watchdog.start();
  const kills = () => workers.map((worker) => worker.kills);
  return { clock, logs, workers, watchdog, kills, exposed: async () => (await metrics.expose()).text };
}

t.test('one that is silent for 10 s is killed, said and counted; the others stay', async (t) => {
  const { clock, logs, workers, kills, exposed } = watched(3);
  const [, second] = workers;
  await clock.advance(60_000);
  t.strictSame(kills(), [0, 0, 0]);
  t.match(await exposed(), /^gatehouse_worker_hangs_total 0$/m);
  if (second !== undefined) second.isHung = true;
  const before = second?.asked ?? 0;
  // It is asked up to 2 s after it has fallen silent, and then has 10 s.
  await clock.advance(2000 + SILENT_MS - 1);
  t.strictSame(kills(), [0, 0, 0]);
  await clock.advance(1);
  t.strictSame(kills(), [0, 1, 0]);
  t.equal(second?.asked, before + 1, 'nothing piles up for one that does not read');
  t.match(JSON.parse(logs.join('')), {
    ...{ level: 50, msg: 'worker killed: it gives no sign of life' },
    ...{ worker: 2, pid: 102, silentMs: 10_000 },
  });
  t.match(await exposed(), /^gatehouse_worker_hangs_total 1$/m);
});

t.test('one that answers in time has all of it again', async (t) => {
  const { clock, workers, kills } = watched(1);
  const [only] = workers;
  for (let times = 0; times < 3; times++) {
    if (only !== undefined) only.isHung = true;
    await clock.advance(SILENT_MS);
    only?.goOn();
    await clock.advance(2000);
  }
  t.strictSame(kills(), [0]);
});

t.test('one that starts or leaves is not asked, and not killed', async (t) => {
  const { clock, workers, kills } = watched(2);
  const [first, second] = workers;
  if (first === undefined || second === undefined) throw new Error('no workers');
  first.state = 'starting';
  second.isHung = true;
  await clock.advance(4000);
  second.state = 'leaving';
  await clock.advance(60_000);
  t.strictSame(kills(), [0, 0]);
  t.equal(first.asked, 0);
  t.equal(second.asked, 1);
});

t.test('of several that are silent one is killed a round', async (t) => {
  const { clock, workers, kills } = watched(3);
  for (const worker of workers) worker.isHung = true;
  await clock.advance(2000 + SILENT_MS);
  t.strictSame(kills(), [1, 0, 0]);
  await clock.advance(2000);
  t.strictSame(kills(), [1, 1, 0]);
  workers[2]?.goOn();
  await clock.advance(60_000);
  t.strictSame(kills(), [1, 1, 0], 'who can go on by then does');
});

t.test('after a suspension of the machine each has as long as ever to answer', async (t) => {
  const { clock, workers, kills } = watched(2);
  for (const worker of workers) worker.isHung = true;
  await clock.advance(4000);
  // An hour passes, in which nothing runs, the primary's timers neither.
  const monotonic = clock.monotonic;
  clock.monotonic = () => monotonic() + 3_600_000;
  clock.jumpWallClock(3_600_000);
  await clock.advance(2000);
  t.strictSame(kills(), [0, 0]);
  for (const worker of workers) worker.goOn();
  await clock.advance(60_000);
  t.strictSame(kills(), [0, 0]);
});

t.test('once stopped it asks nobody', async (t) => {
  const { clock, workers, watchdog } = watched(1);
  watchdog.stop();
  await clock.advance(60_000);
  t.equal(workers[0]?.asked, 0);
  t.equal(clock.pendingTimers, 0);
});
