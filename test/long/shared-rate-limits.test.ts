import t from 'tap';
import { limitedGateways } from '../fixtures/limited-gateways.js';
import { needsRedis } from '../fixtures/redis.js';

/**
 * Two gateways share a limit in a real Redis, each asked for more than the whole of it all the time. What is let through
 * is within 2 % of the limit; while Redis is dead, no request fails for it, and each gateway holds the limit by itself.
 */

const PER_SECOND = 200;
/** A second's worth: what clients and gateways miss while the machine is busy is made up for. */
const BURST = PER_SECOND;
const CLIENTS = 4;

t.test(`two gateways, ${PER_SECOND} requests a second together`, needsRedis, async (t) => {
  const limit = { requests: PER_SECOND, per: '1s', burst: BURST, by: 'address' };
  const { redis, gateways, reach } = await limitedGateways(t, limit);
  const counts = { passed: [0, 0], refused: 0, failed: 0 };
  let isOver = false;
  const clients = gateways.flatMap(({ send }, index) =>
    Array.from({ length: CLIENTS }, async () => {
      while (!isOver) {
        const [status] = await send(1).catch(() => [0]);
        if (status === 200) counts.passed[index] = (counts.passed[index] ?? 0) + 1;
        else if (status === 429) counts.refused += 1;
        else counts.failed += 1;
      }
    }),
  );
  /** What is let through at each gateway in so long, and how much of the limit that is. */
  const measure = async (name: string, seconds: number) => {
    const before = [...counts.passed];
    const startedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const allowed = ((performance.now() - startedAt) / 1000) * PER_SECOND;
    const passed = counts.passed.map((count, index) => count - (before[index] ?? 0));
    const share = (passed.reduce((sum, count) => sum + count, 0) / allowed) * 100;
    t.comment(
      `${name}: ${passed.join(' + ')} of ${allowed.toFixed(0)} in ${seconds} s: ${share.toFixed(2)} %`,
    );
    return share;
  };

  await measure('warm-up', 5);
  const before = await measure('shared', 15);
  t.ok(Math.abs(before - 100) <= 2, `within 2 % of the limit: ${before.toFixed(2)} %`);
  await redis.kill();
  await reach('alone');
  const alone = await measure('Redis dead', 5);
  t.ok(alone > 150 && alone <= 210, `each by itself: ${alone.toFixed(2)} %`);
  await redis.start();
  await reach('shared');
  await measure('back', 5);
  const after = await measure('shared again', 15);
  t.ok(Math.abs(after - 100) <= 2, `within 2 % of the limit: ${after.toFixed(2)} %`);
  isOver = true;
  await Promise.all(clients);
  t.comment(`refused ${counts.refused}, failed ${counts.failed}`);
  t.equal(counts.failed, 0, 'no request failed');
  t.ok(counts.refused > 0, 'there was more to do than the limit allows');
});
