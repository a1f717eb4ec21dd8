/**
 * SIGTERM for `gatehouse gateway` under load, several times over. The figures are printed; what is asserted is that no
 * request fails, that streams end as documented, and that the process is gone in time. A small one is in
 * test/gateway/shutdown-load.test.ts.
 */
import t from 'tap';
import {
  type ShutdownFigures,
  type ShutdownLoad,
  shutDownUnderLoad,
} from '../fixtures/shutdown-under-load.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const LOAD: ShutdownLoad = {
  ...{ clients: 32, streams: 20, loadMs: 3000 },
  ...{ downloadMs: 6000, delayMs: 3000, drainMs: 10_000, lookEveryMs: 1000 },
};

const tally = (ends: readonly string[]): string =>
  [...new Set(ends)].map((end) => `${ends.filter((each) => each === end).length} ${end}`).join(', ');

const print = (figures: ShutdownFigures): string =>
  [
    `${figures.served.before} requests before SIGTERM, ${figures.served.after} after it`,
    `${figures.failures.length} failed, ${figures.toldToClose} told to close`,
    `event streams: ${tally(figures.eventStreams)}`,
    `WebSockets: ${tally(figures.webSockets)}`,
    `downloads: ${tally(figures.downloads)}`,
    `${figures.exit} after ${figures.tookMs.toFixed(0)} ms`,
  ].join('; ');

t.test('under load', async (t) => {
  for (let round = 1; round <= ROUNDS; round++) {
    const figures = await shutDownUnderLoad(t, LOAD);
    t.comment(`round ${round}: ${print(figures)}`);
    t.strictSame(figures.failures, []);
    t.ok(figures.served.before > 0 && figures.served.after > 0, 'there was load on either side');
    t.ok(figures.toldToClose > 0);
    t.equal(tally(figures.eventStreams), `${LOAD.streams} ended after an event`);
    t.equal(tally(figures.webSockets), `${LOAD.streams} 1001 the gateway is stopping`);
    t.equal(tally(figures.downloads), `${LOAD.streams} whole`);
    t.equal(figures.exit, 'exit code 0');
    t.ok(figures.tookMs < LOAD.delayMs + LOAD.drainMs, 'within the grace time');
  }
});

t.test('downloads that take longer than drain_timeout are cut, and do not look whole', async (t) => {
  const figures = await shutDownUnderLoad(t, { ...LOAD, downloadMs: 60_000, drainMs: 3000 });
  t.comment(print(figures));
  t.strictSame(figures.failures, []);
  t.equal(tally(figures.downloads), `${LOAD.streams} cut`);
  t.equal(figures.exit, 'exit code 0');
  t.ok(figures.tookMs < LOAD.delayMs + 3000 + 2000, 'within the grace time');
});
