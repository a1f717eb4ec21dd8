import type { LogoutResponse, SessionSummary } from '../contracts/auth-api.js';
import { isDue } from './access-token.js';
import { authorizedFetch } from './authorized-fetch.js';
import { type Identity, identityOf } from './identity.js';
import { type Fetch, postJson, send } from './send.js';
import { Session } from './session.js';
import type { TokenStore } from './store.js';
import type { TabHost } from './tabs.js';

export interface ClientOptions {
  /** The gateway: `https://api.example.com`. Nothing but its origin counts. */
  baseUrl: string;
  /** Where there is no browser: where the refresh token is kept. In browsers it is in an HTTP-only cookie. */
  store?: TokenStore;
  /** Default: the platform's. */
  fetch?: Fetch;
  /** Unix milliseconds. Default: the device's clock; it may be wrong, but has to go. */
  now?: () => number;
}

export interface Change {
  /** Undefined: nobody is signed in. */
  identity: Identity | undefined;
  /**
   * `login`, `logout`, `refreshed` (also a session that was found again, or came from another tab), or the code of
   * what ended the session, such as `session_revoked`.
   */
  reason: string;
}

export interface Client {
  /** Rejects with a GatehouseError: `invalid_credentials`, `too_many_attempts` with `retryAfterMs`, … */
  login(credentials: { email: string; password: string }): Promise<Identity>;
  /** `pending`: ended for good, and on its way to the last gateway. Rejects when it could not be ended: try again. */
  logout(): Promise<'revoked' | 'pending'>;
  /** All sessions of the account, on all devices. */
  logoutAll(): Promise<'revoked' | 'pending'>;
  sessions(): Promise<readonly SessionSummary[]>;
  endSession(id: string): Promise<'revoked' | 'pending'>;
  /**
   * The platform's fetch with the access token for the gateway. Relative URLs are the page's in browsers, the gateway's
   * elsewhere. Rejects with a GatehouseError when there is a session and no token can be had, as in an outage.
   */
  fetch: Fetch;
  /** Who is signed in; asks the gateway where that is not known yet, as after a reload. */
  getIdentity(): Promise<Identity | undefined>;
  /** A token for where fetch does not reach, such as a WebSocket's subprotocol: another one than `refused`. */
  getToken(refused?: string): Promise<string | undefined>;
  /**
   * Each time that another person, or nobody, is signed in, in whichever tab; the first time when that is known, as
   * after a reload. Returns how to stop.
   */
  onChange(listener: (change: Change) => void): () => void;
  /** Lets go of timers and channels. The session goes on. */
  close(): void;
}

interface Page {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
  visibilityState: string;
}

/** A client of one gateway, for one person. */
export function createClient(options: ClientOptions): Client {
  const { origin } = new URL(options.baseUrl);
  const fetch: Fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const { store, now = Date.now } = options;
  const listeners = new Set<(change: Change) => void>();
  let identity: Identity | undefined;
  /** Until then nobody has asked, and a page that comes up has yet to learn that nobody is signed in, and why. */
  let isKnown = false;

  const session = new Session({
    origin,
    fetch,
    now,
    store,
    // A store of the caller's own is not shared between tabs.
    host: store === undefined ? browserParts() : {},
    onToken(token, reason) {
      const next = token === undefined ? undefined : identityOf(token.text);
      const isSame =
        isKnown && next?.sessionId === identity?.sessionId && next?.subject === identity?.subject;
      identity = next;
      isKnown = true;
      if (!isSame) for (const listener of [...listeners]) listener({ identity, reason });
    },
  });
  const authorized = authorizedFetch(fetch, origin, session);

  // Timers sleep with the device; who comes back to a page finds its token renewed.
  const page = store === undefined ? (globalThis as { document?: Page }).document : undefined;
  const onVisible = (): void => {
    const { current } = session;
    if (page?.visibilityState === 'visible' && current !== undefined && isDue(current, now()))
      session.refresh().catch(() => undefined);
  };
  page?.addEventListener('visibilitychange', onVisible);

  async function end(path: string): Promise<'revoked' | 'pending'> {
    const refreshToken = await store?.get();
    const { body, headers, method } = postJson(
      refreshToken === undefined ? {} : { refresh_token: refreshToken },
    );
    const { current } = session;
    if (current !== undefined) headers['authorization'] = `Bearer ${current.text}`;
    const answer = await send(fetch, origin + path, { method, body, headers, credentials: 'include' });
    await session.end('logout');
    return ending(answer.body);
  }

  return {
    async login({ email, password }) {
      const delivery = store === undefined ? 'cookie' : 'body';
      const request = { ...postJson({ email, password, delivery }), credentials: 'include' } as const;
      const { body } = await send(fetch, `${origin}/auth/login`, request);
      await session.begin(body, 'login');
      return identityOf(session.current?.text ?? '');
    },
    logout: () => end('/auth/logout'),
    logoutAll: () => end('/auth/logout-all'),
    async sessions() {
      const { body } = await send(authorized, `${origin}/auth/sessions`, {});
      return body['sessions'] as SessionSummary[];
    },
    async endSession(id) {
      const url = `${origin}/auth/sessions/${encodeURIComponent(id)}`;
      const { body } = await send(authorized, url, { method: 'DELETE', credentials: 'include' });
      if (id === identity?.sessionId) await session.end('logout');
      return ending(body);
    },
    fetch: authorized,
    async getIdentity() {
      await session.token();
      return identity;
    },
    getToken: (refused) => (refused === undefined ? session.token() : session.replace(refused)),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      page?.removeEventListener('visibilitychange', onVisible);
      session.close();
    },
  };
}

const ending = (body: Partial<LogoutResponse>): 'revoked' | 'pending' =>
  'pending' in body ? 'pending' : 'revoked';

function browserParts(): TabHost {
  const { document, navigator, BroadcastChannel } = globalThis as unknown as {
    document?: unknown;
    navigator?: { locks?: TabHost['locks'] };
    BroadcastChannel?: TabHost['BroadcastChannel'];
  };
  return document === undefined ? {} : { locks: navigator?.locks, BroadcastChannel };
}
