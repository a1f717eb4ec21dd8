import type { SessionConfig } from '../options.js';
import type { Family } from './family.js';

/**
 * What a genuine refresh token of a live family gets (design 4.6):
 * - `rotate`: it is the current one; its successor is made
 * - `repeat`: it is the parent of the current one; it gets that same successor again
 * - `reuse`: it should not be in anyone's hands any more; the family ends
 */
export type Rotation = 'rotate' | 'repeat' | 'reuse';

export function decideRotation(
  presentedGeneration: number,
  family: Pick<Family, 'generation' | 'rotatedAtMs'>,
  nowMs: number,
  settings: Pick<SessionConfig, 'graceMs' | 'lostResponseMs'>,
): Rotation {
  if (presentedGeneration === family.generation) return 'rotate';
  // A parent whose successor was presented is a grandparent by now: presenting is what moves the generation on.
  if (presentedGeneration !== family.generation - 1 || family.rotatedAtMs === undefined) return 'reuse';
  // `grace` alone covers clients that race, `lostResponse` those that got no answer; the longer of the two counts.
  const sinceFirstRotationMs = nowMs - family.rotatedAtMs;
  return sinceFirstRotationMs <= Math.max(settings.graceMs, settings.lostResponseMs) ? 'repeat' : 'reuse';
}
