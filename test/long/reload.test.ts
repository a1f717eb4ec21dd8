/**
 * 1,000 reloads under load. The figures are printed; what is asserted is that nobody notices, and that memory stays
 * level: the second half of the run ends within 10 % of where it began.
 */
import t from 'tap';
import { reloadUnderLoad } from '../fixtures/reload-under-load.js';

t.test('a thousand reloads drop nothing and leak nothing', async (t) => {
  const figures = await reloadUnderLoad(t, Number(process.env['RELOADS'] ?? 1000));
  const { heapMiB, rssMiB, served, events, messages, slowestReloadMs } = figures;
  const list = (values: number[]): string => values.map((value) => value.toFixed(0)).join(' ');
  t.comment(`${figures.reloads} reloads, the slowest ${slowestReloadMs.toFixed(0)} ms`);
  t.comment(`${served.keepAlive} requests over kept connections, ${served.newConnections} over new ones`);
  t.comment(
    `${served.otherIssuer} by an issuer that changes, ${served.movingUpstream} to an upstream that moves`,
  );
  t.comment(`${figures.renewals} internal certificates`);
  t.comment(
    `${events} events, ${messages} messages, ${figures.upstreamHandshakes} handshakes with the upstream`,
  );
  t.comment(`heap MiB ${list(heapMiB)}`);
  t.comment(`rss MiB ${list(rssMiB)}`);
  t.strictSame(figures.failures, []);
  t.strictSame([figures.isEventStreamOpen, figures.isWebSocketOpen, figures.keyFetches], [true, true, 1]);
  t.ok((heapMiB.at(-1) ?? 0) < 1.1 * (heapMiB[9] ?? 0));
});
