import type { Rotation } from './decide-rotation.js';
import type { Family } from './family.js';

const HOUR_MS = 3_600_000;
/** The same answer to the same token again costs next to nothing, and fifty tabs may ask for it at once. */
const REPEAT_SHARE = 0.05;

/** How far one refresh moves on the moment up to which the family's refreshes are paid for. */
export function refreshCostMs(rotation: Exclude<Rotation, 'reuse'>, perHour: number): number {
  return (HOUR_MS / perHour) * (rotation === 'rotate' ? 1 : REPEAT_SHARE);
}

/**
 * How long a family has to wait before its next refresh; 0 when it has not used up its hour's worth. The state is one
 * column of the row that a refresh writes anyway, so that a client in a loop slows down itself and nobody else.
 */
export function refreshWaitMs(family: Pick<Family, 'refreshCreditUntilMs'>, nowMs: number): number {
  return Math.max(0, (family.refreshCreditUntilMs ?? 0) - nowMs - HOUR_MS);
}
