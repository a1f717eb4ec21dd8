import type { ClaimPath } from './issuer.js';

/** The identity headers that a route's upstream gets besides the standard ones. One object for each different set. */
export interface IdentityLayout {
  /** Lower-case header name and the claim that it carries. */
  custom: readonly { name: string; claim: ClaimPath }[];
}
