import type { GatehouseError } from 'gatehouse/client';

export interface Explanation {
  title: string;
  text: string;
}

/** How a session ended that this page did not end itself: by the reason that the SDK gives. */
export function explainEnding(reason: string): Explanation {
  return (
    ENDINGS[reason] ?? {
      title: 'Your session has ended',
      text: 'Sign in again to go on.',
    }
  );
}

const ENDINGS: Readonly<Record<string, Explanation>> = {
  session_revoked: {
    title: 'You were signed out',
    text: 'This session was ended from another device or by an administrator, or your password was changed. If that was not you, sign in and look at your sessions.',
  },
  session_expired: {
    title: 'Your session has expired',
    text: 'It was not used for a while, or has reached its longest life. Sign in again to go on.',
  },
  account_disabled: {
    title: 'Your account is disabled',
    text: 'An administrator has disabled it. Ask them if you think that is a mistake.',
  },
  logout: {
    title: 'You signed out in another tab',
    text: 'Signing out ends the session in all tabs of this browser.',
  },
  refresh_token_reused: {
    title: 'Your session was ended to protect you',
    text: 'A credential of this session was used a second time, which happens when somebody has copied it. Sign in again, and look at your sessions.',
  },
  refresh_token_missing: {
    title: 'Your session is gone',
    text: 'The browser no longer has its cookie. Sign in again to go on.',
  },
};

/** What a person can do about it. Codes that are not here speak for themselves. */
export function explainError({ code, message, retryAfterMs }: GatehouseError): string {
  const wait = retryAfterMs === undefined ? 'a moment' : `${Math.ceil(retryAfterMs / 1000)} seconds`;
  switch (code) {
    case 'invalid_credentials':
      return 'This e-mail address and password do not go together.';
    case 'too_many_attempts':
      return `Too many attempts. Wait ${wait}, then try again.`;
    case 'rate_limited':
      return `Too many requests. Wait ${wait}, then try again.`;
    case 'insufficient_scope':
      return 'Your account may not do this: it lacks the scope that this needs.';
    case 'json_invalid':
      return 'The service did not take this: check what you have filled in.';
    case 'origin_not_allowed':
      return 'The auth service does not take logins from this address. Open the page at the one that “npm start” has printed.';
    case 'network_error':
      return 'The gateway does not answer. Try again in a moment.';
    case 'store_unavailable':
    case 'upstream_unreachable':
    case 'upstream_timeout':
    case 'overloaded':
      return `A service is not available just now. Try again in ${wait}.`;
    default:
      return message;
  }
}
