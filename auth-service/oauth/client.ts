import type { JWK } from 'jose';

/** How a client proves who it is. A secret may come by `client_secret_basic` or `client_secret_post`. */
export type ClientAuthMethod = 'client_secret' | 'private_key_jwt' | 'tls_client_auth';

export const CLIENT_GRANTS = ['client_credentials', 'refresh_token'] as const;

/**
 * - `client_credentials`: tokens for itself
 * - `refresh_token`: logs people in by its own authentication, and refreshes their sessions
 */
export type ClientGrant = (typeof CLIENT_GRANTS)[number];

/** A service, or a server-side application: whoever can keep a secret. */
export interface Client {
  /** `client_id`. */
  id: string;
  /** The service that it is: `sub` is `svc:` and this. */
  service: string;
  authMethod: ClientAuthMethod;
  grants: readonly ClientGrant[];
  scopes: readonly string[];
  /** What it may name as `resource`; the first is its default. Never empty. */
  audiences: readonly string[];
  /** Undefined: as long as everybody's. */
  tokenTtlS: number | undefined;
  /** Gets no token without a DPoP proof. */
  requiresDpop: boolean;
  createdAtMs: number;
  disabledAtMs: number | undefined;
  /** Oldest first. */
  credentials: readonly ClientCredential[];
}

/** Of the kind that the client's method asks for. */
export interface ClientCredential {
  /** A UUID; `sid` of the tokens that it got, so that they can be revoked together. */
  id: string;
  secretHash: Buffer | undefined;
  publicJwk: JWK | undefined;
  /** `URI:…` or `DNS:…`: the SAN that the certificate has to have. */
  certificateName: string | undefined;
  createdAtMs: number;
  expiresAtMs: number | undefined;
}

/** The longest that any token of a client may live (design 4.1); its revocations are kept for as long. */
export const MAX_CLIENT_TOKEN_TTL_S = 30 * 86_400;

export function liveCredentials({ credentials }: Client, nowMs: number): ClientCredential[] {
  return credentials.filter(({ expiresAtMs }) => expiresAtMs === undefined || nowMs < expiresAtMs);
}
