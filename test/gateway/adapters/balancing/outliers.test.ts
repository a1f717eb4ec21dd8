import t, { type Test } from 'tap';
import type { UpstreamSpec } from '../../../../gateway/adapters/balancing/upstream-spec.js';
import { fakeClock } from '../../../fixtures/fake-clock.js';
import { startTargets, type TestTarget } from '../../../fixtures/targets.js';
import { connectUpstream, tally } from '../../../fixtures/test-upstream.js';

async function start(t: Test, names: string[], settings: Partial<UpstreamSpec> = {}) {
  const targets = await startTargets(t, names);
  const clock = fakeClock();
  const upstream = await connectUpstream(t, targets, clock, { balance: 'round_robin', ...settings });
  const [first = fail(), second = fail(), third = fail()] = [...targets, ...targets, ...targets];
  return { ...upstream, clock, first, second, third, inTurn: inTurn(upstream.ask) };
}

const fail = (): never => {
  throw new Error('no target');
};

const inTurn =
  (ask: () => Promise<string>) =>
  async (count: number): Promise<Record<string, number>> => {
    const answers: string[] = [];
    for (let i = 0; i < count; i++)
      answers.push(await ask().catch((error: { code?: string }) => error.code ?? 'error'));
    return tally(answers);
  };

t.test('five failures in a row: the target is left out for a while', async (t) => {
  const { first, clock, inTurn } = await start(t, ['bad', 'b', 'c']);
  first.conduct = 503;
  t.strictSame(await inTurn(15), { 503: 5, b: 5, c: 5 });
  t.strictSame(await inTurn(10), { b: 5, c: 5 });
  await clock.advance(29_999);
  t.strictSame(await inTurn(4), { b: 2, c: 2 });
});

t.test('a good answer in between starts the count anew', async (t) => {
  const { first, inTurn } = await start(t, ['shaky', 'b', 'c']);
  for (let i = 0; i < 3; i++) {
    first.conduct = 503;
    await inTurn(12);
    first.conduct = 'answer';
    await inTurn(3);
  }
  t.strictSame(await inTurn(3), { shaky: 1, b: 1, c: 1 });
});

t.test(
  'after its time it gets one request; a failure leaves it out for longer, an answer takes it back',
  async (t) => {
    const { first, clock, inTurn } = await start(t, ['bad', 'b', 'c']);
    first.conduct = 503;
    await inTurn(15);
    await clock.advance(30_000);
    t.strictSame(await inTurn(7), { 503: 1, b: 3, c: 3 });
    await clock.advance(59_999);
    t.strictSame(await inTurn(2), { b: 1, c: 1 });
    await clock.advance(1);
    first.conduct = 'answer';
    t.strictSame(await inTurn(1), { bad: 1 });
    t.strictSame(await inTurn(6), { bad: 2, b: 2, c: 2 });
  },
);

t.test('at most half of the targets are left out', async (t) => {
  const { first, second, third, inTurn } = await start(t, ['a', 'b', 'c']);
  first.conduct = second.conduct = third.conduct = 503;
  await inTurn(60);
  for (const target of [first, second, third]) target.seen.length = 0;
  await inTurn(12);
  const seen = [first, second, third].map(({ seen }) => seen.length).sort((a, b) => a - b);
  t.strictSame(seen, [0, 6, 6]);
});

t.test('a single target is never left out', async (t) => {
  const { first, inTurn } = await start(t, ['only']);
  first.conduct = 503;
  t.strictSame(await inTurn(20), { 503: 20 });
});

t.test('a client that goes away says nothing about the target', async (t) => {
  const { first, ask, inTurn } = await start(t, ['slow', 'b']);
  first.conduct = 'stall';
  for (let i = 0; i < 12; i++) {
    const abort = new AbortController();
    const asked = ask({ signal: abort.signal } as object).catch(() => undefined);
    const isHeld = await Promise.race([asked.then(() => false), held(first)]);
    if (isHeld) abort.abort();
    await asked;
  }
  first.conduct = 'answer';
  t.strictSame(await inTurn(2), { slow: 1, b: 1 });
});

async function held(target: { held: number }, count = 1): Promise<boolean> {
  while (target.held < count) await new Promise((again) => setTimeout(again, 5));
  return true;
}

t.test(
  'a target that falls silent is put on trial, left out, and those who wait for it go elsewhere',
  async (t) => {
    const { first, clock, ask, inTurn } = await start(t, ['silent', 'b', 'c'], {
      outliers: { failures: 5, ejectMs: 30_000 },
    });
    await inTurn(30);
    first.conduct = 'stall';
    const waiting = [ask(), ask(), ask()];
    await held(first);
    await clock.advance(750);
    t.strictSame(await inTurn(0), {});
    t.equal(first.seen.length, 11, 'an answer may take its time');
    await clock.advance(500);
    // Suspected: one request at a time, and not for long.
    for (let i = 0; i < 5; i++) {
      const trial = ask();
      while (first.held < 2) await clock.advance(0);
      t.equal(first.held, 2);
      t.ok(['b', 'c'].includes(await ask()), 'others go where it is well');
      await clock.advance(1000);
      t.ok(['b', 'c'].includes(await trial), 'and so does the trial, a second later');
    }
    t.strictSame(
      tally((await Promise.all(waiting)).map((name) => (name === 'silent' ? 'silent' : 'other'))),
      {
        other: 3,
      },
    );
    t.equal(first.held, 0);
    t.strictSame(await inTurn(4), { b: 2, c: 2 });
  },
);

t.test('a slow answer brings a suspect back', async (t) => {
  const { first, clock, ask, inTurn } = await start(t, ['slow', 'b', 'c']);
  await inTurn(30);
  let answer = (): void => undefined;
  first.conduct = (_request, response) => {
    answer = () => void response.end('slow');
  };
  const waiting = [ask(), ask(), ask()];
  while (first.seen.length < 11) await clock.advance(0);
  await clock.advance(1500);
  first.conduct = 'answer';
  answer();
  t.ok((await Promise.all(waiting)).includes('slow'));
  t.strictSame(await inTurn(3), { slow: 1, b: 1, c: 1 });
});

/** So many requests that wait for a target which has fallen silent, and for no other. */
async function waitFor(target: TestTarget, ask: () => Promise<string>, count: number) {
  target.conduct = 'stall';
  const before = target.held;
  const asked: Promise<string>[] = [];
  while (asked.length < count) {
    const asking = ask();
    if (!(await Promise.race([asking.then(() => false), held(target, before + asked.length + 1)]))) continue;
    asked.push(asking);
  }
  return asked;
}

t.test(
  'as many that wait as would be failures enough: they go elsewhere, and nobody has to try it',
  async (t) => {
    const { first, clock, ask, inTurn } = await start(t, ['silent', 'b', 'c']);
    await inTurn(30);
    const waiting = await waitFor(first, ask, 5);
    await clock.advance(1500);
    t.notOk((await Promise.all(waiting)).includes('silent'));
    first.seen.length = 0;
    await inTurn(6);
    t.equal(first.seen.length, 0, 'it is left out');
  },
);

t.test('fewer may be long reports, and are waited for', async (t) => {
  const { first, clock, ask, inTurn } = await start(t, ['silent', 'b', 'c']);
  await inTurn(30);
  const waiting = await waitFor(first, ask, 4);
  for (const each of waiting) each.catch(() => undefined);
  await clock.advance(20_000);
  t.equal(first.held, 4);
});

t.test('a request that takes long by nature does not hide that a target has fallen silent', async (t) => {
  const { first, clock, ask, inTurn } = await start(t, ['silent', 'b', 'c']);
  await inTurn(30);
  const [long] = await waitFor(first, ask, 1);
  await clock.advance(100);
  first.conduct = 'answer';
  await inTurn(6);
  const waiting = await waitFor(first, ask, 5);
  await clock.advance(1500);
  t.notOk((await Promise.all([...waiting, long])).includes('silent'));
});

t.test('nothing is left behind when the upstream is closed', async (t) => {
  const { first, clock, inTurn, connections } = await start(t, ['bad', 'b', 'c']);
  first.conduct = 503;
  await inTurn(15);
  t.equal(clock.pendingTimers, 2, 'the look at the silent, and the end of the ejection');
  await connections.close();
  t.equal(clock.pendingTimers, 0);
});
