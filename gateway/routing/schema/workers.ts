import { availableParallelism } from 'node:os';
import { type Static, Type } from 'typebox';

export const Workers = Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1, maximum: 256 })], {
  description: 'processes that serve clients; auto: one for each core that may be used; default 1',
});

export function workerCount(workers: Static<typeof Workers> = 1): number {
  return workers === 'auto' ? availableParallelism() : workers;
}
