import t from 'tap';
import type { SharedConfig } from '../../../gateway/cluster/messages.js';
import { WorkerPool } from '../../../gateway/cluster/worker-pool.js';
import type { WorkerProcess } from '../../../gateway/cluster/worker-process.js';
import type { ConfigProblem } from '../../../kit/config-file.js';
import { createLogger } from '../../../kit/logger.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

/** A worker that does as it is told; `answers` stand in for its own. */
class FakeWorker {
  state = 'starting';
  hasEnded = false;
  metrics = [];
  readonly asked: string[] = [];
  readonly ended: Promise<string>;
  end: (how: string) => void = () => undefined;
  answers: Record<string, () => unknown> = {};
  readonly bodies: Record<string, unknown> = {};
  readonly channel = {
    ask: async (kind: string, body: unknown): Promise<unknown> => {
      this.asked.push(kind);
      this.bodies[kind] = body;
      await Promise.resolve();
      if (this.hasEnded) throw new Error('the other process is gone');
      return this.answers[kind]?.() ?? (kind === 'prepare' ? [] : `answer to ${kind}`);
    },
    tell: (kind: string): void => void this.asked.push(kind),
  };

  readonly number: number;
  readonly pid: number;
  config: SharedConfig;

  constructor(number: number, pid: number, config: SharedConfig) {
    this.number = number;
    this.pid = pid;
    this.config = config;
    this.ended = new Promise((resolve) => {
      this.end = (how) => {
        this.hasEnded = true;
        resolve(how);
      };
    });
  }

  kill(): void {
    this.asked.push('kill');
    this.end('signal SIGKILL');
  }

  async leave(): Promise<void> {
    this.state = 'leaving';
    this.asked.push('leave');
    this.end('exit code 0');
    await this.ended;
  }
}

const configOf = (file: string): SharedConfig => ({ file, texts: [], keys: [] });

function poolOf(change: (worker: FakeWorker) => void = () => undefined) {
  const clock = fakeClock();
  const logs: string[] = [];
  const forked: FakeWorker[] = [];
  const current = { config: configOf('first') };
  const pool = new WorkerPool({
    workers: 2,
    assertionSecret: new Uint8Array(),
    fork(number, config) {
      const worker = new FakeWorker(number, forked.length + 1, config);
      change(worker);
      forked.push(worker);
      return worker as unknown as WorkerProcess;
    },
    config: () => current.config,
    graceMs: () => 1000,
    onEnd: () => undefined,
    ...{ clock, logger: createLogger('test', { destination: { write: (line) => void logs.push(line) } }) },
  });
  const states = () => pool.alive.map(({ number, pid, state }) => `${number}:${pid} ${state}`);
  return { pool, clock, forked, current, states, logs };
}

const problem = { code: 'config_certificate_file', message: 'no' } as ConfigProblem;

t.test('a crash is made good after 0.1 s, the next ones after twice as long, up to 10 s', async (t) => {
  const { pool, clock, forked, states } = poolOf();
  await pool.start();
  t.strictSame(states(), ['1:1 serving', '2:2 serving']);
  for (const delayMs of [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]) {
    const count = forked.length;
    forked.at(-1)?.end('signal SIGSEGV');
    await clock.advance(delayMs - 1);
    t.equal(forked.length, count, `not before ${delayMs} ms`);
    await clock.advance(1);
    t.equal(forked.length, count + 1);
  }
  t.equal(pool.crashes, 9);
  t.strictSame(states(), ['1:1 serving', '2:11 serving']);
  await clock.advance(61_000);
  forked.at(-1)?.end('signal SIGSEGV');
  await clock.advance(100);
  t.strictSame(states(), ['1:1 serving', '2:12 serving'], 'after a calm minute at once again');
});

t.test('one that fails as it starts is tried again, and one that has ended on purpose is not', async (t) => {
  let failing = false;
  const { pool, clock, forked } = poolOf((worker) => {
    if (failing) worker.answers['start'] = () => Promise.reject(new Error('no'));
  });
  await pool.start();
  failing = true;
  forked[0]?.end('exit code 1');
  await clock.advance(100);
  await clock.advance(200);
  failing = false;
  await clock.advance(400);
  t.equal(pool.serving.length, 2);
  t.equal(forked.length, 5);
  await pool.stop();
  await clock.advance(60_000);
  t.equal(forked.length, 5);
});

t.test(
  'a stop in the wait for another after a crash starts nobody, and is no crash of who leaves',
  async (t) => {
    const { pool, clock, forked, logs } = poolOf();
    await pool.start();
    forked[0]?.end('signal SIGSEGV');
    await clock.advance(50);
    await pool.stop();
    await clock.advance(60_000);
    t.equal(forked.length, 2);
    t.equal(pool.crashes, 1);
    t.equal(logs.filter((line) => line.includes('worker crashed')).length, 1);
  },
);

t.test('a first start that fails says why, and leaves nobody', async (t) => {
  const { pool } = poolOf((worker) => {
    if (worker.number === 2) worker.answers['listen'] = () => Promise.reject(new Error('the port is in use'));
  });
  await t.rejects(pool.start(), { name: 'StartupError', message: 'the port is in use' });
  t.strictSame(
    pool.alive.filter(({ number }) => number === 2),
    [],
  );
});

t.test('a restart goes one after the other, and the old one leaves when the new one serves', async (t) => {
  const { pool, forked, states } = poolOf();
  await pool.start();
  const [first] = forked;
  const seen: string[][] = [];
  if (first !== undefined) {
    const leave = first.leave.bind(first);
    first.leave = async () => {
      seen.push(states());
      await leave();
    };
  }
  await pool.restart();
  t.strictSame(seen, [['1:1 serving', '1:3 serving', '2:2 serving']]);
  t.strictSame(forked[2]?.bodies['listen'], { whenReady: true, withinMs: 30_000 });
  t.strictSame(states(), ['1:3 serving', '2:4 serving']);
  t.equal(pool.crashes, 0);
});

t.test('a restart that is asked for in the middle of one is that one', async (t) => {
  const { pool, forked } = poolOf();
  await pool.start();
  await Promise.all([pool.restart(), pool.restart()]);
  t.equal(forked.length, 4);
});

t.test(
  'who takes the place of a crashed one is ready first while others serve, and alone at once',
  async (t) => {
    const { pool, clock, forked } = poolOf();
    await pool.start();
    forked[0]?.end('signal SIGSEGV');
    await clock.advance(100);
    t.strictSame(forked[2]?.bodies['listen'], { whenReady: true, withinMs: null });
    forked[1]?.end('signal SIGSEGV');
    forked[2]?.end('signal SIGSEGV');
    await clock.advance(100);
    t.strictSame(forked[3]?.bodies['listen'], { whenReady: false, withinMs: null });
  },
);

t.test('a restart ends with the first new one that is no good, and the old ones stay', async (t) => {
  const { pool, forked, states } = poolOf((worker) => {
    if (worker.pid > 2) worker.answers['listen'] = () => Promise.reject(new Error('not ready'));
  });
  await pool.start();
  await pool.restart();
  t.strictSame(states(), ['1:1 serving', '2:2 serving']);
  t.equal(forked.length, 3);
});

t.test('a stop in the middle of a restart is no failure of it', async (t) => {
  const { pool, forked, logs } = poolOf((worker) => {
    if (worker.pid > 2)
      worker.answers['listen'] = () => worker.ended.then(() => Promise.reject(new Error('gone')));
  });
  await pool.start();
  const restarted = pool.restart();
  while (forked[2]?.asked.includes('listen') !== true) await new Promise((next) => setImmediate(next));
  await pool.stop();
  await restarted;
  t.strictSame(pool.alive, []);
  t.notMatch(logs.join(''), /given up/);
});

t.test('a stop when the new one of a restart serves lets each leave once', async (t) => {
  const { pool, forked, logs } = poolOf();
  await pool.start();
  const [old] = forked;
  let stopped: Promise<void> | undefined;
  const restarted = pool.restart();
  const next = forked[2];
  if (old === undefined || next === undefined) throw new Error('no workers');
  old.leave = async () => {
    old.asked.push('leave');
    await old.ended;
  };
  next.answers['listen'] = () => {
    stopped = pool.stop();
    return 'url';
  };
  while (stopped === undefined) await new Promise((again) => setImmediate(again));
  await new Promise((again) => setImmediate(again));
  old.end('exit code 0');
  await Promise.all([restarted, stopped]);
  t.equal(old.asked.filter((kind) => kind === 'leave').length, 1);
  t.notMatch(logs.join(''), /all workers have been restarted/);
});

t.test('one that leaves is told of no config', async (t) => {
  const { pool, forked } = poolOf();
  await pool.start();
  const [first, second] = forked;
  if (first === undefined || second === undefined) throw new Error('no workers');
  first.state = 'leaving';
  await pool.prepare(configOf('next'));
  await pool.commit(configOf('next'));
  t.notOk(first.asked.includes('prepare') || first.asked.includes('commit'));
  t.ok(second.asked.includes('commit'));
});

t.test('what one refuses is prepared nowhere for good; one that is gone has no say', async (t) => {
  const { pool, forked } = poolOf();
  await pool.start();
  const [first, second] = forked;
  if (second === undefined || first === undefined) throw new Error('no workers');
  second.answers['prepare'] = () => [problem];
  t.strictSame(await pool.prepare(configOf('next')), [problem]);
  pool.discard();
  t.ok(first.asked.includes('discard') && !first.asked.includes('commit'));
  second.answers['prepare'] = () => {
    second.end('signal SIGKILL');
    throw new Error('the other process is gone');
  };
  t.strictSame(await pool.prepare(configOf('next')), []);
});

t.test('one that does not take up what the others have is replaced by one that begins with it', async (t) => {
  const { pool, clock, forked, current } = poolOf();
  await pool.start();
  const next = configOf('next');
  await pool.prepare(next);
  const [first, second] = forked;
  if (second !== undefined) second.answers['commit'] = () => Promise.reject(new Error('no answer'));
  current.config = next;
  await pool.commit(next);
  t.equal(first?.config.file, 'next');
  t.ok(second?.hasEnded);
  await clock.advance(100);
  t.equal(forked.at(-1)?.config.file, 'next');
  t.equal(pool.serving.length, 2);
});

t.test('one that has come between the two steps is prepared and then takes it up', async (t) => {
  const { pool, clock, forked, current } = poolOf();
  await pool.start();
  const next = configOf('next');
  await pool.prepare(next);
  forked[1]?.end('signal SIGKILL');
  await clock.advance(100);
  current.config = next;
  await pool.commit(next);
  t.strictSame(forked[2]?.asked, ['start', 'listen', 'prepare', 'commit']);
});

t.test('one that has come between the two steps and refuses is replaced', async (t) => {
  const { pool, clock, forked } = poolOf();
  await pool.start();
  await pool.prepare(configOf('next'));
  forked[1]?.end('signal SIGKILL');
  await clock.advance(100);
  const late = forked[2];
  if (late !== undefined) late.answers['prepare'] = () => [problem];
  await pool.commit(configOf('next'));
  t.ok(late?.asked.includes('kill'));
});
