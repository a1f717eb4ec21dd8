import type { Clock } from '../../kit/clock.js';

/** Told to the client as 200 or 202 (design 4.4). The entry is durable either way. */
export type Ending = 'revoked' | 'pending';

export type AwaitPublished = (seq: number) => Promise<Ending>;

/** Somewhere an entry has to arrive. Rejects when it cannot for now; whoever it is goes on trying by itself. */
export type Arrival = (seq: number) => Promise<void>;

/** How long a logout waits to be able to say that it is done. */
export const PUBLISH_WAIT_MS = 1000;

/** Waits a bounded time until a committed entry has arrived everywhere. Never rejects. */
export function createAwaitPublished(clock: Clock, arrivals: readonly Arrival[]): AwaitPublished {
  return (seq) =>
    new Promise((resolve) => {
      const cancel = clock.after(PUBLISH_WAIT_MS, () => resolve('pending'));
      Promise.all(arrivals.map((arrival) => arrival(seq)))
        .then(
          () => resolve('revoked'),
          () => resolve('pending'),
        )
        .finally(cancel);
    });
}
