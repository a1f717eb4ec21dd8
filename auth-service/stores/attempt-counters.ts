import { sql } from 'kysely';
import type { Queries } from './database.js';

/**
 * A leaky bucket with growing delay. Each failure adds one to the level, and one is forgiven per `leakMs`. From the
 * level `allowance` on each failure blocks for a time that doubles from one second up to `maxDelayMs`.
 */
export interface CountingRule {
  allowance: number;
  leakMs: number;
  maxDelayMs: number;
}

export interface Counter {
  key: Buffer;
  rule: CountingRule;
}

const FIRST_DELAY_MS = 1000;
/** Keeps the doubling within what a number holds; every `maxDelayMs` is reached before. */
const MAX_DOUBLINGS = 30;

/** Until when the latest of these is blocked, in milliseconds; undefined when none is. */
export async function blockedUntil(
  db: Queries,
  counters: readonly Counter[],
  nowMs: number,
): Promise<number | undefined> {
  const keys = counters.map(({ key }) => key);
  const { until } = await db
    .selectFrom('attempt_counters')
    .select((select) => select.fn.max('blocked_until').as('until'))
    .where('key', 'in', keys)
    .where('blocked_until', '>', new Date(nowMs))
    .executeTakeFirstOrThrow();
  return (until as Date | null)?.getTime();
}

/**
 * Counts a failure. `false`, and nothing counted, while the counter is blocked: of many attempts at once only as many
 * learn whether they were right as would have one after the other.
 */
export async function countFailure(trx: Queries, { key, rule }: Counter, nowMs: number): Promise<boolean> {
  const now = sql<Date>`${new Date(nowMs)}::timestamptz`;
  const leaked = sql`extract(epoch FROM ${now} - c.counted_at) * 1000 / ${rule.leakMs}::float8`;
  const first = sql`1::float8`;
  const next = sql`(greatest(0, c.level - greatest(0, ${leaked})) + 1)::float8`;
  const result = await sql`
    INSERT INTO attempt_counters AS c (key, level, counted_at, blocked_until, forget_at)
    VALUES (${key}, ${first}, ${now}, ${blockEnd(first, now, rule)}, ${emptyAt(first, now, rule)})
    ON CONFLICT (key) DO UPDATE SET
      level = ${next},
      counted_at = ${now},
      blocked_until = ${blockEnd(next, now, rule)},
      forget_at = ${emptyAt(next, now, rule)}
    WHERE c.blocked_until <= ${now}
    RETURNING key`.execute(trx);
  return result.rows.length === 1;
}

/** Forgives everything that was counted under the key. */
export async function forgetFailures(db: Queries, key: Buffer): Promise<void> {
  await db.deleteFrom('attempt_counters').where('key', '=', key).execute();
}

/** Removes up to `limit` counters that have leaked empty; skips rows in use. Returns how many. */
export async function removeForgottenCounters(db: Queries, beforeMs: number, limit: number): Promise<number> {
  const before = new Date(beforeMs);
  const forgotten = db
    .selectFrom('attempt_counters')
    .select('key')
    .where('forget_at', '<', before)
    .where('blocked_until', '<', before)
    .limit(limit)
    .forUpdate()
    .skipLocked();
  const result = await db.deleteFrom('attempt_counters').where('key', 'in', forgotten).executeTakeFirst();
  return Number(result.numDeletedRows);
}

type Fragment = ReturnType<typeof sql>;

/**
 * Rounded up, because what leaks away between two attempts does not make up for one. Long ago where there is no delay,
 * because attempts that race have read clocks that differ a little.
 */
function blockEnd(level: Fragment, now: Fragment, { allowance, maxDelayMs }: CountingRule): Fragment {
  const beyond = sql`(ceil(${level}) - ${allowance}::float8)`;
  const doublings = sql`least(${MAX_DOUBLINGS}::float8, ${beyond})`;
  const delayMs = sql`least(${maxDelayMs}::float8, ${FIRST_DELAY_MS}::float8 * power(2, ${doublings}))`;
  return sql`CASE WHEN ${beyond} < 0 THEN 'epoch'::timestamptz ELSE ${later(now, delayMs)} END`;
}

const emptyAt = (level: Fragment, now: Fragment, { leakMs }: CountingRule): Fragment =>
  later(now, sql`${level} * ${leakMs}::float8`);

const later = (now: Fragment, ms: Fragment): Fragment =>
  sql`(${now} + make_interval(secs => (${ms})::float8 / 1000))`;
