import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';

const AT_MOST_EVERY_MS = 10_000;

export interface StaleWarningDeps {
  logger: Logger;
  clock: Clock;
  /** Of the revocations. */
  ageMs(): number;
}

/** Says now and then that requests are let through by revocations that are too old (`on_stale: allow`, design 4.4). */
export function createStaleWarning({ logger, clock, ageMs }: StaleWarningDeps): () => void {
  let nextAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (clock.monotonic() < nextAt) return;
    nextAt = clock.monotonic() + AT_MOST_EVERY_MS;
    const seconds = Number.isFinite(ageMs()) ? Math.round(ageMs() / 1000) : null;
    logger.warn({ ageS: seconds }, 'requests are let through by revocations older than max_staleness');
  };
}
