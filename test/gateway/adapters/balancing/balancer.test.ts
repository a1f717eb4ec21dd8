import t, { type Test } from 'tap';
import type { RepeatableOptions } from '../../../../gateway/adapters/balancing/attempt.js';
import type { UpstreamSpec } from '../../../../gateway/adapters/balancing/upstream-spec.js';
import { fakeClock } from '../../../fixtures/fake-clock.js';
import { startTargets, type TestTarget } from '../../../fixtures/targets.js';
import { connectUpstream, tally } from '../../../fixtures/test-upstream.js';

// The ports of the targets decide who goes where: with so many callers none of three is left without any.
const CALLERS = Array.from({ length: 48 }, (_, index) => `user-${index}`);
const by = (name: string): Partial<RepeatableOptions> => ({ callerKey: (on) => `${on} ${name}` });

/** Three targets, and where each of the callers goes. */
async function start(t: Test, settings: Partial<UpstreamSpec> = {}) {
  const targets = await startTargets(t, ['a', 'b', 'c']);
  const clock = fakeClock();
  const upstream = await connectUpstream(t, targets, clock, {
    balance: 'hash',
    hashOn: 'subject',
    outliers: { failures: 1, ejectMs: 1000 },
    ...settings,
  });
  const places = async (callers = CALLERS): Promise<string[]> => {
    const found: string[] = [];
    for (const caller of callers) found.push(await upstream.ask(by(caller)));
    return found;
  };
  const before = await places();
  const ill = targets.find(({ name }) => name === before[0]) as TestTarget;
  const own = CALLERS.filter((_, index) => before[index] === ill.name);
  const others = CALLERS.filter((caller) => !own.includes(caller));
  return { ...upstream, clock, targets, places, before, ill, own, others };
}

t.test('each caller keeps to a target, and all targets have callers', async (t) => {
  const { places, before } = await start(t);
  t.strictSame(Object.keys(tally(before)).sort(), ['a', 'b', 'c']);
  t.strictSame(await places(), before);
});

t.test('a request that is nobody’s in particular goes anywhere', async (t) => {
  const { ask } = await start(t);
  const answers: string[] = [];
  for (let i = 0; i < 30; i++) answers.push(await ask());
  t.strictSame(Object.keys(tally(answers)).sort(), ['a', 'b', 'c']);
});

t.test('a target that is left out moves its own callers, and gets them back', async (t) => {
  const { places, ask, before, ill, own, others, clock } = await start(t);
  ill.conduct = 503;
  await ask(by(own[0] ?? ''));
  const without = await places();
  t.notOk(without.includes(ill.name));
  for (const [index, name] of before.entries())
    if (name !== ill.name) t.equal(without[index], name, 'nobody else moves');
  ill.conduct = 'answer';
  await clock.advance(1000);
  t.notOk((await places(others)).includes(ill.name), 'its trial is not for the callers of others');
  t.strictSame(await places(), before);
});

t.test('a target whose own callers stay away is tried by others in the end', async (t) => {
  const { ask, ill, own, others, clock } = await start(t);
  ill.conduct = 503;
  await ask(by(own[0] ?? ''));
  ill.conduct = 'answer';
  await clock.advance(1000);
  await clock.advance(1001);
  t.equal(await ask(by(others[0] ?? '')), ill.name);
});

t.test('a retry and a request that finds its target full go to the next in order', async (t) => {
  const { places, ill, ask, ...rest } = await start(t, {
    outliers: { failures: 0, ejectMs: 0 },
    connections: { max: 1, idleMs: 4000, connectTimeoutMs: 3000, warm: 0 },
  });
  const own = rest.own.slice(0, 3); // so few that the budget of retries lasts
  ill.conduct = 'reset';
  const inRetry = await places(own);
  t.notOk(inRetry.includes(ill.name));
  t.strictSame(await places(own), inRetry, 'always the same one');
  ill.conduct = (_request, response) => void held.push(response);
  const held: { end(text: string): void }[] = [];
  const waiting = ask(by(own[0] ?? ''));
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(await places(own), inRetry, 'full');
  held[0]?.end('at last');
  t.equal(await waiting, 'at last');
  await ill.die();
  t.strictSame(await places(own), inRetry, 'without a connection');
});
