import { PassThrough } from 'node:stream';
import t from 'tap';
import { streamLines } from '../../../auth-service/http/stream-lines.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

/** Endless, and counts how many were taken. */
function endless() {
  const source = {
    taken: 0,
    async *[Symbol.asyncIterator]() {
      for (;;) {
        source.taken++;
        yield { filler: 'x'.repeat(1000) };
      }
    },
  };
  return source;
}

t.test('a reader that takes nothing is cut off after five seconds, with little kept for it', async (t) => {
  const clock = fakeClock();
  const messages = endless();
  const writing = streamLines(new PassThrough({ highWaterMark: 4096 }), messages, clock);
  const cut = t.rejects(writing, { message: 'the reader stalled' });
  await clock.advance(4999);
  t.ok(messages.taken <= 10);
  await clock.advance(1);
  await cut;
});

t.test('a slow reader gets everything, at its own pace', async (t) => {
  const clock = fakeClock();
  const output = new PassThrough({ highWaterMark: 10 });
  const writing = streamLines(output, asyncOf([{ a: 1 }, { b: 2 }, { c: 3 }]), clock);
  let text = '';
  for await (const chunk of output) {
    text += String(chunk);
    await clock.advance(4000);
  }
  await writing;
  t.equal(text, '{"a":1}\n{"b":2}\n{"c":3}\n');
  t.equal(clock.pendingTimers, 0);
});

t.test('a reader that leaves ends the writing', async (t) => {
  const output = new PassThrough({ highWaterMark: 10 });
  const writing = streamLines(output, endless(), fakeClock());
  output.destroy();
  await writing;
  t.pass();
});

async function* asyncOf(items: object[]) {
  yield* items;
}
