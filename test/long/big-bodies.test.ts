/**
 * 2 GiB in either direction, by HTTP/1.1 and HTTP/2, to a side that reads nothing at first and then rests after each MiB.
 * The figures are printed; what is asserted is that all of it arrives as it was sent, and that the gateway's resident
 * memory grows by less than 64 MiB (on Node 24 by less than 112). A small one is in test/gateway/big-bodies.test.ts.
 */
import t from 'tap';
import { MIB, MOST_GROWTH_MIB, startBigBodies } from '../fixtures/big-bodies.js';

const BYTES = Number(process.env['SIZE_MIB'] ?? 2048) * MIB;
const REST_MS = 2;

for (const protocol of ['HTTP/1.1', 'HTTP/2'] as const) {
  for (const direction of ['download', 'upload'] as const) {
    t.test(`${direction} by ${protocol}`, async (t) => {
      const { transfer } = await startBigBodies(t);
      const { sent, received, residentMiB, acceptedUnread, tookMs } = await transfer(
        direction,
        protocol,
        BYTES,
        REST_MS,
      );
      const grown = residentMiB.peak - residentMiB.before;
      t.comment(
        `${received.bytes / MIB} MiB in ${(tookMs / 1000).toFixed(1)} s; resident MiB ${residentMiB.before.toFixed(1)} before, ${residentMiB.peak.toFixed(1)} at most: ${grown.toFixed(1)} more; held up at ${acceptedUnread / MIB} MiB`,
      );
      t.equal(received.bytes, BYTES);
      t.strictSame(received, sent);
      t.ok(grown < MOST_GROWTH_MIB);
    });
  }
}
