/** Bodies of the auth service's public endpoints (design 4.10). */

export type Delivery = 'body' | 'cookie';

export const REFRESH_COOKIE = '__Host-gatehouse-refresh';

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
  token_type: 'Bearer';
  /** Seconds. */
  expires_in: number;
  /** In body delivery only. */
  refresh_token?: string;
  session_id: string;
}

/** 200 with `revoked`, or 202 with `pending` when publishing has to wait (design 4.4). */
export type LogoutResponse = { revoked: true } | { pending: true };

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
