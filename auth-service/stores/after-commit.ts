import type { Logger } from '../../kit/logger.js';
import type { Queries } from './queries.js';

export type AfterCommit = (logger: Logger) => void;

const tellers = new WeakMap<Queries, (event: AfterCommit) => void>();

/**
 * Tells of something once it is durable: when the transaction has committed, at once where there is none, and never
 * when it was rolled back.
 */
export function afterCommit(queries: Queries, event: AfterCommit): void {
  tellers.get(queries)?.(event);
}

/** For the database: every statement of this pool commits by itself. */
export function tellAtOnce(pool: Queries, logger: Logger): void {
  tellers.set(pool, (event) => event(logger));
}

/** For the database: collects what a transaction has to tell. Returns what tells it. */
export function tellLater(trx: Queries, logger: Logger): () => void {
  const events: AfterCommit[] = [];
  tellers.set(trx, (event) => events.push(event));
  return () => {
    for (const event of events) event(logger);
  };
}
