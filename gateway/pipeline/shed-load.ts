import { Problem } from '../../contracts/problem.js';
import type { Load } from './ports.js';
import type { Routed } from './states.js';

/**
 * Refuses what is more than can be done, the less important routes first: before anything expensive, and once it is
 * known which route it is. The gateway's own paths and preflights have been answered by then. Throws `overloaded`.
 */
export function shedLoad({ route }: Routed, load: Load): void {
  const cause = load.excess(route.priority);
  if (cause !== undefined) throw new Problem('overloaded', { reason: `overload.${cause}` });
}
