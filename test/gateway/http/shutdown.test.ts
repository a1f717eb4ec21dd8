import t from 'tap';
import { EventStream } from '../../../gateway/http/event-stream.js';
import { Shutdown } from '../../../gateway/http/shutdown.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

t.test('streams are told to leave one by one, each at its own moment of the time', async (t) => {
  const clock = fakeClock();
  const moments = [0.5, 0.1, 0.9, 0.25];
  const shutdown = new Shutdown(clock, () => moments.shift() ?? 1);
  const left: string[] = [];
  const open = (name: string) => shutdown.add({ leave: () => left.push(`${name} ${clock.monotonic()}`) });
  open('a');
  const closeB = open('b');
  open('c');
  await clock.advance(60_000);
  t.same(left, [], 'none before the end of the process');
  closeB();
  shutdown.endStreams(1000);
  await clock.advance(200);
  t.same(left, ['c 60100'], 'a had 0.5, c has 0.1');
  await clock.advance(200);
  const closeD = open('d');
  await clock.advance(600);
  t.same(left.slice(1), ['a 60500', 'd 60940'], 'one that opened late still leaves in time');
  closeD();
  const closeE = open('e');
  t.equal(clock.pendingTimers, 1);
  closeE();
  t.equal(clock.pendingTimers, 0);
});

t.test('a stream of events is ended between two events', async (t) => {
  const ends: boolean[] = [];
  const stream = (headers: string[] = []) => new EventStream(headers, (whole) => ends.push(whole));
  const told = (chunks: string[], headers: string[] = []) => {
    ends.length = 0;
    const events = stream(headers);
    const [before = '', ...after] = chunks;
    events.passed(Buffer.from(before));
    events.leave();
    const atOnce = ends.length;
    for (const chunk of after) events.passed(Buffer.from(chunk));
    return { atOnce, ends: [...ends].slice(0, 1) };
  };
  for (const line of ['\n', '\r\n', '\r'])
    t.same(told([`data: 1${line}${line}`]), { atOnce: 1, ends: [true] }, JSON.stringify(line));
  t.same(told(['']), { atOnce: 1, ends: [true] }, 'before the first one');
  t.same(told(['data: 1\n']), { atOnce: 0, ends: [] }, 'in mid-event it waits');
  t.same(told(['data: 1\n', '\n']), { atOnce: 0, ends: [true] }, 'the end came in two chunks');
  t.same(told(['data: 1\r', '\n', '\r', '\n']), { atOnce: 0, ends: [true] }, 'byte by byte');
  t.same(told(['data: 1\n\nda', 'ta: 2\n\n']), { atOnce: 0, ends: [true] });
  t.same(
    told(['x\n\n'], ['Content-Encoding', 'gzip']),
    { atOnce: 1, ends: [false] },
    'nobody can see into it',
  );
  t.same(
    told(['x\n\n'], ['Content-Length', '100']),
    { atOnce: 1, ends: [false] },
    'its length says otherwise',
  );
});
