import { hash, verify } from '@node-rs/argon2';
import { Problem } from '../../contracts/problem.js';

/** OWASP's minimum for argon2id: 19 MiB, two passes, one lane. About 10 ms of one core. */
const PARAMETERS = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;

export interface PasswordHasher {
  /** PHC string. Rejects with Problem `overloaded` when too much waits already. */
  hash(password: string): Promise<string>;
  /** As `hash`. With no stored hash the same work is done on a dummy, and the answer is `false`. */
  verify(storedHash: string | undefined, password: string): Promise<boolean>;
}

/**
 * argon2id in the thread pool. At most `maxRunning` jobs at a time, so that logins leave threads and memory to the
 * rest, and `maxWaiting` behind them; beyond that the answer is 503 rather than a queue that nobody waits out.
 * The dummy hash is a real one with the current parameters: an unknown user costs the time of a known one.
 */
export async function createPasswordHasher(
  random: (size: number) => Buffer,
  { maxRunning = 2, maxWaiting = 64 }: { maxRunning?: number; maxWaiting?: number } = {},
): Promise<PasswordHasher> {
  const queued = boundedQueue(maxRunning, maxWaiting);
  const hashNow = (password: string) => hash(spelling(password), { ...PARAMETERS, salt: random(SALT_BYTES) });
  const dummyHash = await hashNow(random(SALT_BYTES).toString('base64'));
  return {
    hash: (password) => queued(() => hashNow(password)),
    async verify(storedHash, password) {
      const matches = await queued(() => verify(storedHash ?? dummyHash, spelling(password)));
      return matches && storedHash !== undefined;
    },
  };
}

/** The same password typed on another system is the same bytes (RFC 8265 section 4 recommends a normal form). */
const spelling = (password: string): string => password.normalize('NFKC');

function boundedQueue(maxRunning: number, maxWaiting: number): <T>(job: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running >= maxRunning) {
      if (waiting.length >= maxWaiting) throw new Problem('overloaded');
      await new Promise<void>((resolve) => waiting.push(resolve)); // woken with the place of the one that ended
    } else {
      running++;
    }
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
