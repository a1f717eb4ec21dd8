/** The access token of our own issuer (design 4.1; RFC 9068). */

export const ACCESS_TOKEN_TYPE = 'at+jwt';
export const ACCESS_TOKEN_ALGORITHM = 'ES256';
export const DEFAULT_AUDIENCE = 'urn:gatehouse:api';
export const FIRST_PARTY_CLIENT_ID = 'gatehouse-first-party';
/** Subjects of services start with this; people's never do. */
export const SERVICE_SUBJECT_PREFIX = 'svc:';

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
  /** The refresh family or API key. */
  sid: string;
  /** The account's token version: raised by "log out everywhere". */
  ver: number;
  roles: string[];
  cnf?: { jkt?: string; 'x5t#S256'?: string };
}
