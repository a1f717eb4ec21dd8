import type { ClaimPath } from './issuer.js';

export type Scalar = string | number | boolean;

/** One condition of a route. All of a route's rules have to hold. `name` goes to log and metrics: `route.claims.sub`. */
export type AccessRule = { name: string } & (
  | { kind: 'scopes'; all: readonly string[] }
  | { kind: 'any_scope'; any: readonly string[] }
  | { kind: 'roles'; any: readonly string[] }
  /** Subjects of services of our own auth service. */
  | { kind: 'services'; subjects: readonly string[] }
  /** A claim that is a list satisfies the rule when one of its items does. */
  | { kind: 'claim'; claim: ClaimPath; oneOf: readonly Scalar[] }
  | { kind: 'claim_is_param'; claim: ClaimPath; param: string }
);
