/**
 * One of three targets freezes, then its process is killed, then it comes back, under requests at a constant rate over
 * real sockets and mTLS, with the settings that an upstream has by default. What callers see: hardly a GET fails, and ten
 * seconds after each change they wait as long as before. Small version: test/gateway/target-failure.test.ts.
 */

import t from 'tap';
import { pause, systemClock } from '../../kit/clock.js';
import { type LoadResult, percentile, steadyLoad } from '../fixtures/steady-load.js';
import { startTargetProcesses } from '../fixtures/target-processes.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const PER_SECOND = Number(process.env['RATE'] ?? 200);
const PHASE_MS = Number(process.env['PHASE_S'] ?? 45) * 1000;
const SETTLED_MS = 10_000;
const ANSWER_MS = 20;
/** Of requests that wait for the ill target until their route's time is up; then it is left out (docs/upstreams.md). */
const FAILURES_IN_A_ROW = 5;
/** One request in ten may not be repeated. */
const METHODS = [...Array.from({ length: 9 }, () => 'GET'), 'POST'];

for (const balance of ['least_requests', 'round_robin']) {
  t.test(`a target that stalls, dies and returns is hardly noticed (${balance})`, async (t) => {
    const targets = await startTargetProcesses(t, 3, ANSWER_MS);
    const [ill] = targets;
    if (ill === undefined) throw new Error('no targets');
    const { gateway, url } = await startTestGateway(t, {
      upstreams: {
        three: {
          url: targets.map((each) => each.url),
          spiffe_id: 'spiffe://gatehouse.internal/app',
          balance,
        },
      },
      routes: [{ path: '/x', methods: ['GET', 'POST'], auth: 'public', upstream: 'three', timeout: '5s' }],
    });
    const load = steadyLoad(url, '/x', PER_SECOND, METHODS);
    await pause(systemClock, 5000);
    const changes: [name: string, atMs: number][] = [];
    const change = async (name: string, make: () => unknown): Promise<void> => {
      await make();
      changes.push([name, load.nowMs()]);
      await pause(systemClock, PHASE_MS);
    };
    await change('before', () => undefined);
    await change('stalls', () => ill.stall());
    await change('dies', () => ill.die());
    await change('returns', () => ill.comeBack());
    await load.stop();

    const { results } = load;
    const within = (from: number, to: number): LoadResult[] =>
      results.filter(({ dueAtMs }) => dueAtMs >= from && dueAtMs < to);
    const p99 = (from: number, to: number): number =>
      percentile(
        within(from, to).map(({ tookMs }) => tookMs),
        0.99,
      );
    const [, startedAt = 0] = changes[0] ?? [];
    const usual = p99(startedAt, startedAt + PHASE_MS);
    t.comment(`${results.length} requests, ${PER_SECOND} a second; p99 before: ${usual.toFixed(0)} ms`);
    for (const [name, at] of changes.slice(1)) {
      const affected = within(at, at + PHASE_MS);
      const failed = affected.filter(({ status }) => status !== 200);
      const settled = p99(at + SETTLED_MS, at + PHASE_MS);
      const seconds = Array.from({ length: PHASE_MS / 1000 }, (_, i) =>
        p99(at + i * 1000, at + (i + 1) * 1000),
      );
      const lastBad = seconds.findLastIndex((each) => each > 1.5 * usual) + 1;
      t.comment(
        `${name}: p99 of the first ten seconds ${p99(at, at + SETTLED_MS).toFixed(0)} ms, after them ${settled.toFixed(0)} ms; ` +
          `last second above 1.5 times as before: ${lastBad}; longest wait ${Math.max(...affected.map(({ tookMs }) => tookMs)).toFixed(0)} ms; ` +
          `failed ${failed.length} of ${affected.length}: ${JSON.stringify(count(failed))}`,
      );
      t.ok(settled <= 1.5 * usual, `${name}: within ten seconds callers wait as long as before`);
      const gets = failed.filter(({ method }) => method === 'GET').length;
      t.ok(
        gets <= FAILURES_IN_A_ROW,
        `${name}: no more fails than it takes to leave the target out: ${gets}`,
      );
    }
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    for (const [line] of metrics.matchAll(/^gatehouse_upstream_(?!duration)\w+\{.*three.*\} .*$/gm))
      t.comment(line);
  });
}

function count(results: readonly LoadResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method, status } of results)
    counts[`${method} ${status}`] = (counts[`${method} ${status}`] ?? 0) + 1;
  return counts;
}
