import type { RateLimitReadiness } from '../contracts/admin-api.js';
import type { Clock } from '../kit/clock.js';
import type { Logger } from '../kit/logger.js';
import type { Metrics } from './adapters/metrics.js';
import { type Cell, RateLimitCells } from './adapters/rate-limit-cells.js';
import { createRateLimiter } from './adapters/rate-limiter.js';
import { connectRedis } from './adapters/redis-connection.js';
import { createRedisLimitStore } from './adapters/redis-limit-store.js';
import { type LimitStore, SharedLimits } from './adapters/shared-limits.js';
import type { RateLimiter } from './pipeline/ports.js';
import type { Snapshot } from './pipeline/snapshot.js';

export interface RateLimitsOptions {
  /** Empty: no Redis, and then no limit is shared. */
  redisUrl: string;
  /** Where the workers of this gateway count together; undefined where there is one process. */
  amongWorkers?: LimitStore | undefined;
  clock: Clock;
  logger: Logger;
}

/** The gateway's limiter, its memory and its part in what gateways share. */
export class RateLimits {
  readonly limiter: RateLimiter;
  readonly #cells = new RateLimitCells();
  readonly #shared: SharedLimits;
  readonly #amongWorkers: SharedLimits | undefined;

  constructor({ redisUrl, amongWorkers, clock, logger }: RateLimitsOptions) {
    this.#shared = new SharedLimits({
      connect: async () => createRedisLimitStore(await connectRedis(redisUrl)),
      clock,
      logger,
    });
    if (amongWorkers !== undefined) {
      const connect = () => Promise.resolve(amongWorkers);
      this.#amongWorkers = new SharedLimits({ connect, storeName: 'the primary process', clock, logger });
      this.#amongWorkers.start();
    }
    this.limiter = createRateLimiter({
      cells: this.#cells,
      clock,
      together: amongWorkers !== undefined,
      onShared: (cell, addedMs) => this.#counterOf(cell).note(cell, addedMs),
    });
  }

  /** Redis is connected to once there is a route that needs it. */
  adopt({ routes }: Snapshot): void {
    const isShared = routes.all.some(({ rateLimits }) => rateLimits?.limits.some(({ shared }) => shared));
    if (isShared) this.#shared.start();
  }

  readiness(): RateLimitReadiness {
    return { state: this.#shared.state };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#shared.stop(), this.#amongWorkers?.stop()]);
  }

  /** Without Redis the workers of one gateway still count together. */
  #counterOf({ limit }: Cell): SharedLimits {
    return limit.shared && this.#shared.state === 'shared'
      ? this.#shared
      : (this.#amongWorkers ?? this.#shared);
  }

  measure(metrics: Metrics): void {
    const shared = this.#shared;
    const whenUsed = (value: number | undefined) =>
      shared.state === 'unused' || value === undefined ? [] : [{ value }];
    metrics.add(
      {
        name: 'gatehouse_rate_limit_shared',
        help: '1 while gateways count together, 0 while this one counts alone; absent where no limit is shared.',
        type: 'gauge',
        across: 'min',
      },
      () => whenUsed(shared.state === 'shared' ? 1 : 0),
    );
    metrics.add(
      {
        name: 'gatehouse_rate_limit_sync_seconds',
        help: 'Round trip of the last exchange with Redis about shared limits.',
        type: 'gauge',
        across: 'max',
      },
      () => whenUsed(shared.roundTripMs === undefined ? undefined : shared.roundTripMs / 1000),
    );
    metrics.add(
      { name: 'gatehouse_rate_limit_callers', help: 'Callers remembered, once a limit.', type: 'gauge' },
      () => [{ value: this.#cells.size }],
    );
    metrics.add(
      {
        name: 'gatehouse_rate_limit_forgotten_total',
        help: 'Callers that had to be forgotten before their time, for want of room.',
        type: 'counter',
      },
      () => [{ value: this.#cells.forgotten }],
    );
  }
}
