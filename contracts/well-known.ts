/** Paths that more than one part of the house knows. */
export const WELL_KNOWN = {
  /** The auth service's signing keys. */
  jwks: '/.well-known/jwks.json',
  /** Prefix that the gateway answers itself, before the route table. */
  gatewayPrefix: '/.well-known/gatehouse/',
} as const;

/** On the auth service's internal listener; never reachable through a route. */
export const INTERNAL = {
  revocations: '/internal/revocations',
} as const;
