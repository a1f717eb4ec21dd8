import t from 'tap';
import { MIB, MOST_GROWTH_MIB, startBigBodies } from '../fixtures/big-bodies.js';

// Of 2 GiB: test/long/big-bodies.test.ts.
const BYTES = 64 * MIB;

t.test('who sends is held up by who does not read; nothing is lost, and little is kept', async (t) => {
  const { transfer } = await startBigBodies(t);
  for (const protocol of ['HTTP/1.1', 'HTTP/2'] as const) {
    for (const direction of ['download', 'upload'] as const) {
      const name = `${protocol} ${direction}`;
      const { sent, received, residentMiB, acceptedUnread } = await transfer(direction, protocol, BYTES, 0);
      t.equal(received.bytes, BYTES, name);
      t.strictSame(received, sent, `${name}: as it was sent`);
      t.ok(acceptedUnread < BYTES / 2, `${name}: the sender got no further than ${acceptedUnread}`);
      t.ok(
        residentMiB.peak - residentMiB.before < MOST_GROWTH_MIB,
        `${name}: ${JSON.stringify(residentMiB)}`,
      );
    }
  }
});
