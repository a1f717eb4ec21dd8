/** The access token of our own issuer (design 4.1; RFC 9068). */

export const ACCESS_TOKEN_TYPE = 'at+jwt';
export const ACCESS_TOKEN_ALGORITHM = 'ES256';
export const DEFAULT_AUDIENCE = 'urn:gatehouse:api';
export const FIRST_PARTY_CLIENT_ID = 'gatehouse-first-party';
/** Subjects of services start with this; people's never do. */
export const SERVICE_SUBJECT_PREFIX = 'svc:';

/**
 * A browser cannot set headers on a WebSocket, so it offers its token as a subprotocol of this prefix beside the real
 * one. The gateway takes it out before it forwards the handshake.
 */
export const WEBSOCKET_BEARER_PREFIX = 'gatehouse.bearer.';

export interface AccessTokenClaims {
  iss: string;
  sub: string;
  aud: string | string[];
  /** Unix seconds. */
  exp: number;
  /** Unix seconds. */
  iat: number;
  /** 128 random bits, base64url. */
  jti: string;
  client_id: string;
  /** Space-separated (RFC 8693 section 4.2). */
  scope: string;
  /** The refresh family, the API key, or the service's credential that it was issued for. */
  sid: string;
  /** The account's token version: raised by "log out everywhere". */
  ver: number;
  roles: string[];
  cnf?: { jkt?: string; 'x5t#S256'?: string };
}
