/** Bodies of the auth service's public endpoints (design 4.10). */

export type Delivery = 'body' | 'cookie';

export const REFRESH_COOKIE = '__Host-gatehouse-refresh';

/** No credential: it tells a device that has logged in before from a stranger's, where guessing is slowed down. */
export const DEVICE_COOKIE = '__Host-gatehouse-device';

/** Cookies that are the auth service's alone; no upstream gets to see them. */
export const OWN_COOKIES: readonly string[] = [REFRESH_COOKIE, DEVICE_COOKIE];

export interface LoginRequest {
  email: string;
  password: string;
  delivery?: Delivery;
}

export interface RefreshRequest {
  refresh_token?: string;
}

export interface TokenResponse {
  access_token: string;
  /** `DPoP` for a login with a DPoP proof: the access token is bound to that key (RFC 9449). */
  token_type: 'Bearer' | 'DPoP';
  /** Seconds. */
  expires_in: number;
  /** In body delivery only. */
  refresh_token?: string;
  session_id: string;
}

/** 200 with `revoked`, or 202 with `pending` when publishing has to wait (design 4.4). */
export type LogoutResponse = { revoked: true } | { pending: true };

/** `GET /auth/sessions`: the live sessions of the account that asks, the one used last first. */
export interface SessionList {
  sessions: SessionSummary[];
}

export interface SessionSummary {
  id: string;
  client_id: string;
  /** Such as `Firefox on Windows`; a hint, made from the User-Agent. */
  device: string;
  /** As of the latest login or refresh. */
  ip: string | null;
  /** RFC 3339. */
  created_at: string;
  last_used_at: string;
  /** Whether it is the one that asks. */
  current: boolean;
}

/** `POST /auth/password`, with a bearer token. Ends the account's other sessions. */
export interface PasswordChangeRequest {
  current_password: string;
  new_password: string;
}

/** `POST /auth/password/reset`, with the token of a one-time link. Ends all sessions of the account. */
export interface PasswordResetRequest {
  token: string;
  new_password: string;
}

/** To both: 200 with `revoked` when the other sessions' tokens are refused everywhere, or 202 with `pending`. */
export type PasswordResponse = { changed: true } & LogoutResponse;

/** API keys start with this; the gateway tells them from other credentials by it. */
export const API_KEY_PREFIX = 'gtk_';

/**
 * What the internal listener gives the gateway for an API key: an ordinary access token of 10 minutes whose `sid` is
 * the key's id, so that revoking the key is a session entry in the revocation feed (design 4.11).
 */
export interface ApiKeyExchange {
  access_token: string;
  /** Seconds. */
  expires_in: number;
}
