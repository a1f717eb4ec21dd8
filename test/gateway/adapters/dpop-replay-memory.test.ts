import t from 'tap';
import { createDpopReplayMemory } from '../../../gateway/adapters/dpop-replay-memory.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

t.test('a proof is remembered until it could not be used any more, and then forgotten', async (t) => {
  const clock = fakeClock();
  const memory = createDpopReplayMemory(clock, 2);
  const until = clock.now() + 60_000;
  t.equal(memory.knows('a'), false);
  t.equal(memory.remember('a', until), 'new', 'asking has not used it up');
  t.equal(memory.knows('a'), true);
  t.equal(memory.remember('a', until), 'used');
  t.equal(memory.remember('a', until + 30_000), 'used', 'under another time as well');
  await clock.advance(60_000);
  t.equal(memory.remember('a', until), 'used', 'to the last moment');
  await clock.advance(25_000);
  t.equal(memory.remember('a', until + 60_000), 'new', 'long after, by which time its iat is refused');
});

t.test('a full memory says so, and has room again when proofs have ended', async (t) => {
  const clock = fakeClock();
  const memory = createDpopReplayMemory(clock, 2);
  memory.remember('a', clock.now() + 60_000);
  memory.remember('b', clock.now() + 60_000);
  t.equal(memory.remember('c', clock.now() + 60_000), 'full');
  t.equal(memory.remember('a', clock.now() + 60_000), 'used', 'what it holds it holds');
  await clock.advance(90_000);
  t.equal(memory.remember('c', clock.now() + 60_000), 'new');
});
