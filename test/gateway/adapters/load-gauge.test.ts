import t from 'tap';
import { LoadGauge } from '../../../gateway/adapters/load-gauge.js';
import { PRIORITIES } from '../../../gateway/pipeline/ports.js';
import { fakeClock } from '../../fixtures/fake-clock.js';

const LIMITS = { inFlight: 100, loopDelayMs: 1000 };

/** `run(seconds, lateMs)`: for so long the event loop is that late each time it is looked at. */
function start(limits = LIMITS) {
  const clock = fakeClock();
  let lateMs = 0;
  let lost = 0;
  const late = {
    ...clock,
    monotonic: () => clock.monotonic() + lost,
    after: (delayMs: number, fn: () => void) =>
      clock.after(delayMs, () => {
        lost += lateMs;
        fn();
      }),
  };
  const open = { requests: 1, streams: 0, webSockets: 0 };
  const gauge = new LoadGauge({ clock: late, open, limits });
  gauge.start();
  return {
    open,
    gauge,
    clock,
    async run(seconds: number, byMs: number) {
      lateMs = byMs;
      await clock.advance(seconds * 1000);
    },
    /** Of a hundred requests each: how many are refused. */
    refused: () =>
      PRIORITIES.map(
        (priority) =>
          Array.from({ length: 100 }, () => gauge.excess(priority)).filter((cause) => cause === 'loop_delay')
            .length,
      ),
  };
}

t.test('an event loop that stays late: the less important are refused first', async (t) => {
  const { run, refused } = start();
  t.strictSame(refused(), [0, 0, 0]);
  await run(10, 490);
  t.strictSame(refused(), [0, 0, 0]);
  await run(10, 700);
  t.strictSame(refused(), [0, 0, 100]);
  await run(10, 900);
  t.strictSame(refused(), [0, 100, 100]);
  await run(10, 1100);
  t.strictSame(refused(), [100, 100, 100]);
});

t.test('one long pause is no overload', async (t) => {
  const { run, refused } = start();
  await run(0.1, 1500);
  await run(1, 0);
  t.strictSame(refused(), [0, 0, 0]);
});

t.test('it comes and goes by degrees, and stays as it is in between', async (t) => {
  const { run, refused } = start();
  await run(1.1, 900);
  const [, some = 0] = refused();
  t.ok(some > 0 && some < 100, `${some} %`);
  await run(10, 900);
  await run(20, 700);
  t.strictSame(refused(), [0, 100, 100], 'a little better than the limit is not good yet');
  await run(2, 300);
  const [, fewer = 0] = refused();
  t.ok(fewer > 0 && fewer < 100, `${fewer} %`);
  await run(20, 0);
  t.strictSame(refused(), [0, 0, 0]);
});

t.test('requests under way are bounded at once; streams and WebSockets do not count', async (t) => {
  const { open, gauge } = start();
  const causes = (requests: number) => {
    open.requests = requests + open.streams + open.webSockets;
    return PRIORITIES.map((priority) => gauge.excess(priority) === 'in_flight');
  };
  open.streams = 5000;
  open.webSockets = 5000;
  t.strictSame(causes(50), [false, false, false]);
  t.strictSame(causes(51), [false, false, true]);
  t.strictSame(causes(81), [false, true, true]);
  t.strictSame(causes(100), [false, true, true]);
  t.strictSame(causes(101), [true, true, true]);
  t.strictSame(causes(50), [false, false, false], 'and at once no more');
});

t.test('other limits hold from the next look on; 0 is none', async (t) => {
  const { gauge, run, refused, clock } = start();
  await run(10, 1100);
  gauge.adopt({ ...LIMITS, loopDelayMs: 0 });
  await run(0.2, 1100);
  t.strictSame(refused(), [0, 0, 0]);
  gauge.stop();
  t.equal(clock.pendingTimers, 0);
});
