/** Paths that more than one part of the house knows. */
export const WELL_KNOWN = {
  /** The auth service's signing keys. */
  jwks: '/.well-known/jwks.json',
  /** RFC 8414; the second is where OpenID Connect libraries look. */
  oauthMetadata: ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'],
  /** Prefix that the gateway answers itself, before the route table. */
  gatewayPrefix: '/.well-known/gatehouse/',
  /** The public keys of the gateway's identity assertions. */
  gatewayJwks: '/.well-known/gatehouse/jwks.json',
} as const;

/** The auth service's OAuth endpoints (RFC 6749, RFC 7009, RFC 7662). */
export const OAUTH = {
  token: '/oauth/token',
  revoke: '/oauth/revoke',
  introspect: '/oauth/introspect',
} as const;

/** On the auth service's internal listener; never reachable through a route. */
export const INTERNAL = {
  revocations: '/internal/revocations',
  /** `POST {api_key}`: 200 with an {@link ApiKeyExchange} (auth-api.ts), 404 for a key that is unknown or ended. */
  apiKeyExchange: '/internal/api-keys/exchange',
  /** Prefix of the admin API, for operators' certificates only. */
  adminPrefix: '/internal/admin',
} as const;
