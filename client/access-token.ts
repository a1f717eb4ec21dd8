/** An access token in memory. It is never stored anywhere. */
export interface AccessToken {
  text: string;
  sessionId: string;
  /** By this device's clock: the answer says how long it lives, so a wrong clock does no harm. */
  expiresAtMs: number;
  /** From here on a new one is fetched while this one still serves. */
  refreshAtMs: number;
}

/** Less than this left, and a request might arrive too late with it. */
export const MIN_LEFT_MS = 5000;
const REFRESH_AHEAD_MS = 60_000;

export function receivedToken(
  { text, sessionId, expiresInS }: { text: string; sessionId: string; expiresInS: number },
  now: number,
): AccessToken {
  const lifetimeMs = expiresInS * 1000;
  const expiresAtMs = now + lifetimeMs;
  return {
    text,
    sessionId,
    expiresAtMs,
    refreshAtMs: expiresAtMs - Math.min(REFRESH_AHEAD_MS, lifetimeMs / 3),
  };
}

export const isUsable = (token: AccessToken | undefined, now: number): token is AccessToken =>
  token !== undefined && now < token.expiresAtMs - MIN_LEFT_MS;

export const isDue = (token: AccessToken, now: number): boolean => now >= token.refreshAtMs;
