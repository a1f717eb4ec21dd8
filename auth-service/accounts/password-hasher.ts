import { hash, verify } from '@node-rs/argon2';
import { Problem } from '../../contracts/problem.js';
import { DEFAULT_PASSWORD_COST, type PasswordCost } from './password-cost.js';
import { normalisePassword } from './password-policy.js';

const ARGON2ID = 2;
const KIB = 1024;
const SALT_BYTES = 16;

export interface PasswordHasher {
  /** PHC string. Rejects with Problem `overloaded` when too much waits already. */
  hash(password: string): Promise<string>;
  /** As `hash`. With no stored hash the same work is done on a dummy, and the answer is `false`. */
  verify(storedHash: string | undefined, password: string): Promise<boolean>;
  /** Whether a hash was made with other parameters than those of today. */
  isOutdated(storedHash: string): boolean;
}

export interface PasswordHasherOptions {
  cost?: PasswordCost;
  /** Default: half of the thread pool. */
  maxRunning?: number;
  maxWaiting?: number;
}

/** Node's own number, where UV_THREADPOOL_SIZE says no other. */
const DEFAULT_THREADS = 4;

/** Half of the thread pool: the other half is left to files, names and the rest of cryptography. At least one. */
export function halfOfThreadPool(env: NodeJS.ProcessEnv = process.env): number {
  const threads = Number(env['UV_THREADPOOL_SIZE'] ?? DEFAULT_THREADS);
  return Math.max(1, Math.floor((threads > 0 ? threads : DEFAULT_THREADS) / 2));
}

/**
 * argon2id in the thread pool. At most `maxRunning` jobs at a time, so that logins leave threads and memory to the
 * rest, and `maxWaiting` behind them; beyond that the answer is 503 rather than a queue that nobody waits out.
 * The dummy hash is a real one with the current parameters: an unknown user costs the time of a known one.
 */
export async function createPasswordHasher(
  random: (size: number) => Buffer,
  {
    cost = DEFAULT_PASSWORD_COST,
    maxRunning = halfOfThreadPool(),
    maxWaiting = 64,
  }: PasswordHasherOptions = {},
): Promise<PasswordHasher> {
  const parameters = {
    algorithm: ARGON2ID,
    memoryCost: Math.floor(cost.memoryBytes / KIB),
    timeCost: cost.passes,
    parallelism: cost.lanes,
  };
  const prefix = `$argon2id$v=19$m=${parameters.memoryCost},t=${cost.passes},p=${cost.lanes}$`;
  const queued = boundedQueue(maxRunning, maxWaiting);
  const hashNow = (password: string) =>
    hash(normalisePassword(password), { ...parameters, salt: random(SALT_BYTES) });
  const dummyHash = await hashNow(random(SALT_BYTES).toString('base64'));
  return {
    hash: (password) => queued(() => hashNow(password)),
    async verify(storedHash, password) {
      const matches = await queued(() => verify(storedHash ?? dummyHash, normalisePassword(password)));
      return matches && storedHash !== undefined;
    },
    isOutdated: (storedHash) => !storedHash.startsWith(prefix),
  };
}

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
