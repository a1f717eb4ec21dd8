import { createHash } from 'node:crypto';
import { Problem } from '../../contracts/problem.js';
import { addressGroup } from '../../kit/address-group.js';
import type { Clock } from '../../kit/clock.js';
import {
  blockedUntil,
  type Counter,
  type CountingRule,
  countFailure,
  forgetFailures,
} from '../stores/attempt-counters.js';
import type { Database, Queries } from '../stores/database.js';

const MINUTE_MS = 60_000;

/**
 * How many failures go without delay, how fast they are forgiven, and how long a delay becomes.
 * - `pair`: one account from one address. Ends soon, and hurts nobody but who is behind that address
 * - `device`: one account from a device that has logged in to it before (accounts/device-token.ts), or the password
 *   asked for again within a session. Counted apart from all others, so that no stranger's failures reach its owner
 * - `account`: one account from everywhere else: a guess shared out over many addresses. The delay stays short, because
 *   it meets the owner at a new device too
 * - `address`: one address at all accounts: a common password tried on many. Generous, because many people can be
 *   behind one address
 * - `registration`: accounts made from one address
 */
const RULES = {
  pair: { allowance: 10, leakMs: 15 * MINUTE_MS, maxDelayMs: 15 * MINUTE_MS },
  device: { allowance: 10, leakMs: 15 * MINUTE_MS, maxDelayMs: 15 * MINUTE_MS },
  account: { allowance: 30, leakMs: 10 * MINUTE_MS, maxDelayMs: MINUTE_MS },
  address: { allowance: 100, leakMs: MINUTE_MS / 2, maxDelayMs: 5 * MINUTE_MS },
  registration: { allowance: 20, leakMs: 5 * MINUTE_MS, maxDelayMs: 15 * MINUTE_MS },
} as const satisfies Record<string, CountingRule>;

/** What an attempt is counted under. `account` is an address as it is looked up, whether it exists or not. */
export type AttemptSource =
  | { account: string; ip: string; deviceId: string | undefined }
  | { sessionId: string }
  | { registrationFrom: string };

/** One attempt that may go on. Whatever it comes to is told to one of these. */
export interface Attempt {
  /** Counts it, together with `record`. Rejects with Problem `too_many_attempts` when it must not be told as failed. */
  failed(record?: (trx: Queries) => Promise<void>): Promise<void>;
  /** Forgives earlier failures of the same device, or the same address. Rejects as `failed`. */
  succeeded(): Promise<void>;
}

export interface Throttle {
  /** Rejects with Problem `too_many_attempts`, with `Retry-After`, at no cost of a password hash. */
  begin(source: AttemptSource): Promise<Attempt>;
}

/**
 * Slows guessing down without locking anybody out: delays grow and end by themselves, refused attempts do not prolong
 * them, and a device that is known has counters of its own. Counters are in the database, so that all instances count
 * as one. An attempt is judged again when its outcome is known: many at once gain nothing over one after the other.
 */
export function createThrottle(deps: { database: Database; clock: Clock }): Throttle {
  const { database, clock } = deps;

  async function refuseWhileBlocked(counters: readonly Counter[]): Promise<void> {
    const nowMs = clock.now();
    const until = await database.run((db) => blockedUntil(db, counters, nowMs));
    if (until !== undefined) throw tooManyAttempts(until - nowMs);
  }

  return {
    async begin(source) {
      const counters = countersOf(source);
      await refuseWhileBlocked(counters);
      return {
        async failed(record) {
          const isTold = await database.transaction(async (trx) => {
            let counted = true;
            // In this order everywhere, so that no two transactions wait for each other.
            for (const counter of counters)
              counted = (await countFailure(trx, counter, clock.now())) && counted;
            if (counted) await record?.(trx);
            return counted;
          });
          if (isTold) return;
          await refuseWhileBlocked(counters);
          throw tooManyAttempts(0); // the block ended in between
        },
        async succeeded() {
          await refuseWhileBlocked(counters);
          const own = counters.at(-1);
          if (own !== undefined) await database.run((db) => forgetFailures(db, own.key));
        },
      };
    },
  };
}

/** From the widest to the narrowest; only the last is forgiven by a success. */
function countersOf(source: AttemptSource): Counter[] {
  if ('sessionId' in source) return [counter('device', 'session', source.sessionId)];
  if ('registrationFrom' in source) {
    return [counter('registration', addressGroup(source.registrationFrom))];
  }
  const { account, deviceId } = source;
  if (deviceId !== undefined) return [counter('device', account, deviceId)];
  const address = addressGroup(source.ip);
  return [counter('address', address), counter('account', account), counter('pair', account, address)];
}

function counter(kind: keyof typeof RULES, ...parts: string[]): Counter {
  const key = createHash('sha256')
    .update(JSON.stringify([kind, ...parts]))
    .digest();
  return { key, rule: RULES[kind] };
}

function tooManyAttempts(waitMs: number): Problem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new Problem('too_many_attempts', { headers: { 'retry-after': String(seconds) } });
}
