import type { ClaimPath } from '../../pipeline/issuer.js';

/** A claim as config names it: a path with dots, a list of its steps, or the name of one claim that is a URL. */
export function claimSteps(claim: string | readonly string[]): ClaimPath {
  if (typeof claim !== 'string') return claim;
  return claim.includes('://') ? [claim] : claim.split('.');
}
