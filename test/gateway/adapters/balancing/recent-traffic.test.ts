import t from 'tap';
import { RecentTraffic } from '../../../../gateway/adapters/balancing/recent-traffic.js';
import { fakeClock } from '../../../fixtures/fake-clock.js';

function start() {
  const clock = fakeClock();
  return { clock, traffic: new RecentTraffic(() => clock.monotonic()) };
}

function retriesOf(traffic: RecentTraffic, bounds: { ratio: number; perSecond: number }): number {
  let retries = 0;
  while (traffic.takeRetry(bounds)) retries += 1;
  return retries;
}

t.test('retries: their part of the requests, and a few on top', async (t) => {
  const { traffic } = start();
  t.equal(retriesOf(traffic, { ratio: 0.2, perSecond: 0 }), 0);
  for (let i = 0; i < 100; i++) traffic.count('requests');
  t.equal(retriesOf(traffic, { ratio: 0.2, perSecond: 0 }), 20);
  t.equal(retriesOf(traffic, { ratio: 0.2, perSecond: 1 }), 10);
});

t.test('what was saved up in quiet times is forgotten', async (t) => {
  const { clock, traffic } = start();
  for (let i = 0; i < 100; i++) traffic.count('requests');
  await clock.advance(5000);
  traffic.count('requests');
  t.equal(traffic.requests, 101);
  await clock.advance(5000);
  t.equal(traffic.requests, 1);
  t.equal(retriesOf(traffic, { ratio: 0.2, perSecond: 0 }), 0);
  await clock.advance(60_000);
  t.equal(traffic.requests, 0);
});
