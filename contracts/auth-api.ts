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
