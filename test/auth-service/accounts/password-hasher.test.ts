import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { createPasswordHasher, halfOfThreadPool } from '../../../auth-service/accounts/password-hasher.js';

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;

t.test('an unknown account costs the work of a known one', async (t) => {
  const hasher = await createPasswordHasher(randomBytes);
  const stored = await hasher.hash('right');
  t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  t.equal(await hasher.verify(stored, 'right'), true);
  t.equal(await hasher.verify(stored, 'wrong'), false);
  const times: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
  for (let i = 0; i < 9; i++) {
    for (const [kind, hash] of [
      ['known', stored],
      ['unknown', undefined],
    ] as const) {
      const since = performance.now();
      t.equal(await hasher.verify(hash, 'wrong'), false);
      times[kind].push(performance.now() - since);
    }
  }
  // Wide enough for a busy machine; a missing dummy is off by a factor of a hundred.
  const ratio = median(times.unknown) / median(times.known);
  t.ok(ratio > 0.1 && ratio < 10, `ratio ${ratio}`);
});

t.test('beyond the queue the answer is 503, and the queue empties again', async (t) => {
  const hasher = await createPasswordHasher(randomBytes, { maxRunning: 1, maxWaiting: 2 });
  const jobs = Array.from({ length: 5 }, () =>
    hasher.verify(undefined, 'x').catch((error: unknown) => error),
  );
  const results = await Promise.all(jobs);
  t.strictSame(results.slice(0, 3), [false, false, false]);
  for (const refused of results.slice(3)) t.match(refused, { code: 'overloaded', status: 503 });
  t.equal(await hasher.verify(undefined, 'x'), false);
});

t.test('half of the thread pool is left to others, however large it is', async (t) => {
  t.equal(halfOfThreadPool({}), 2);
  t.equal(halfOfThreadPool({ UV_THREADPOOL_SIZE: '16' }), 8);
  t.equal(halfOfThreadPool({ UV_THREADPOOL_SIZE: '1' }), 1);
  t.equal(halfOfThreadPool({ UV_THREADPOOL_SIZE: 'many' }), 2);
});

t.test('a file is read while more passwords wait than there are threads', async (t) => {
  const cost = { memoryBytes: 64 * 1024 * 1024, passes: 3, lanes: 1 };
  const hasher = await createPasswordHasher(randomBytes, { cost });
  let done = 0;
  const jobs = Array.from({ length: 8 }, async () => {
    await hasher.verify(undefined, 'x');
    done += 1;
  });
  await readFile(new URL(import.meta.url));
  // The first two are under way; behind all eight it would have come after the fifth at the earliest.
  t.ok(done < 5, `${done} of 8 before it`);
  await Promise.all(jobs);
});
