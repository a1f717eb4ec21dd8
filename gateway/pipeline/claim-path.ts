import type { ClaimPath } from './issuer.js';
import type { JsonObject } from './strict-json.js';

/** The value at a path in the payload, or undefined when a step is missing. Lists are not stepped into. */
export function claimAt(payload: JsonObject, path: ClaimPath): unknown {
  let value: unknown = payload;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    // A claim named `constructor` is one that the token holds, not one that every object has.
    if (!Object.hasOwn(value, step)) return undefined;
    value = (value as JsonObject)[step];
  }
  return value;
}
