import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import { Waker } from '../revocation/waker.js';
import type { ChangeKeys } from './change-keys.js';
import type { SigningKeys } from './signing-keys.js';

const LOOK_INTERVAL_MS = 1000;
const MAINTAIN_INTERVAL_MS = 30_000;

export interface KeepKeysCurrent {
  /** Looks at the database now, such as after a change. */
  wake(): void;
  stop(): Promise<void>;
}

/**
 * Takes over each second what another instance has changed, and does now and then what the keys need by themselves.
 * Every instance does; whoever comes first under the lock has done it for all.
 */
export function keepKeysCurrent(deps: {
  keys: SigningKeys;
  changes: ChangeKeys;
  clock: Clock;
  logger: Logger;
}): KeepKeysCurrent {
  const { keys, changes, clock, logger } = deps;
  const waker = new Waker(clock);
  let isStopping = false;
  let isFailing = false;
  let maintainAt = clock.monotonic() + MAINTAIN_INTERVAL_MS;

  async function look(): Promise<void> {
    if (clock.monotonic() >= maintainAt) {
      maintainAt = clock.monotonic() + MAINTAIN_INTERVAL_MS;
      await changes.maintain();
    }
    await keys.reload();
  }

  async function run(): Promise<void> {
    for (;;) {
      await waker.sleep(LOOK_INTERVAL_MS);
      if (isStopping) return;
      try {
        await look();
        if (isFailing) logger.info('signing keys: following the database again');
        isFailing = false;
      } catch (err) {
        if (!isFailing) logger.error({ err }, 'signing keys: cannot follow the database');
        isFailing = true;
      }
    }
  }

  const running = run();
  return {
    wake: () => waker.wake(),
    stop() {
      isStopping = true;
      waker.wake();
      return running;
    },
  };
}
