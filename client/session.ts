import type { ProblemCode } from '../contracts/problem-codes.js';
import { type AccessToken, isDue, isUsable, receivedToken } from './access-token.js';
import { GatehouseError, isInForce, type Refusal } from './errors.js';
import { type Fetch, postJson, send } from './send.js';
import type { TokenStore } from './store.js';
import { createTabs, type TabHost, type TabMessage, type Tabs } from './tabs.js';

/** What ends a session for good. Everything else, an outage above all, does not. */
const TERMINAL: ReadonlySet<string> = new Set<ProblemCode>([
  'refresh_token_missing',
  'refresh_token_invalid',
  'refresh_token_reused',
  'session_expired',
  'session_revoked',
  'account_disabled',
]);

/** How long a tab that had to wait for another one's refresh waits for its result, which is on the way. */
const HEARING_MS = 300;

export interface SessionDeps {
  /** The gateway, without a path. */
  origin: string;
  fetch: Fetch;
  /** Unix milliseconds by this device. */
  now(): number;
  /** Undefined: the HTTP-only cookie. */
  store: TokenStore | undefined;
  host: TabHost;
  /** The token has changed, or is gone; `reason` as in `Change`. */
  onToken(token: AccessToken | undefined, reason: string): void;
}

/**
 * The access token, and how it is renewed: one refresh at a time in this page and across tabs, and only an answer that
 * is final ends the session.
 */
export class Session {
  readonly #deps: SessionDeps;
  readonly #tabs: Tabs;
  readonly #hearers = new Set<() => void>();
  #token: AccessToken | undefined;
  /** What may still come in of it, from another tab, is too late. */
  #endedSession: string | undefined;
  /** Nobody is signed in, and no refresh would change that. */
  #isOver = false;
  #refreshing: Promise<string | undefined> | undefined;
  /** Another login or logout makes what was under way before it void. */
  #epoch = 0;
  /** For a while the same error again. */
  #refusal: Refusal | undefined;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#tabs = createTabs(`gatehouse ${deps.origin}`, deps.host, (message) => this.#hear(message));
  }

  get current(): AccessToken | undefined {
    return this.#token;
  }

  /** A token that serves now; undefined when nobody is signed in. Rejects with a GatehouseError when none can be had. */
  async token(): Promise<string | undefined> {
    if (this.#isOver) return undefined;
    const now = this.#deps.now();
    if (!isUsable(this.#token, now)) return this.refresh();
    // It still serves: nobody waits, and a failure is for the next call to meet.
    if (isDue(this.#token, now)) this.refresh().catch(() => undefined);
    return this.#token.text;
  }

  /** Another token than `refused`. */
  async replace(refused: string): Promise<string | undefined> {
    const token = this.#token;
    if (token !== undefined && token.text !== refused && isUsable(token, this.#deps.now())) return token.text;
    return this.refresh(refused);
  }

  /** One at a time. */
  refresh(refused?: string): Promise<string | undefined> {
    this.#refreshing ??= this.#refreshAlone(refused).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** A login's answer. */
  async begin(body: Record<string, unknown>, reason: string): Promise<void> {
    this.#epoch += 1;
    await this.#accept(body, reason);
  }

  /** Here and in the other tabs. */
  async end(reason: string): Promise<void> {
    this.#tabs.tell({ type: 'signed-out', reason, sessionId: this.#token?.sessionId });
    this.#leave(reason);
    await this.#deps.store?.set(undefined);
  }

  close(): void {
    this.#tabs.close();
  }

  #refreshAlone(refused: string | undefined): Promise<string | undefined> {
    if (isInForce(this.#refusal, this.#deps.now())) return Promise.reject(this.#refusal.error);
    return this.#tabs.alone(async (waited) => {
      await this.#hearOthers(waited ? HEARING_MS : 0, refused);
      return this.#isFresh(refused) ? this.#token?.text : this.#exchange();
    });
  }

  /** A token from another tab, or one that is good already. */
  #isFresh(refused: string | undefined): boolean {
    const token = this.#token;
    const now = this.#deps.now();
    return isUsable(token, now) && token.text !== refused && !isDue(token, now);
  }

  /** Lets in what other tabs have said meanwhile; whoever had to wait for one asks for what came of it. */
  #hearOthers(waitMs: number, refused: string | undefined): Promise<void> {
    if (waitMs > 0 && !this.#isFresh(refused)) this.#tabs.tell({ type: 'ask' });
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#hearers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, waitMs > 0 && this.#isFresh(refused) ? 0 : waitMs);
      if (waitMs > 0) this.#hearers.add(done);
    });
  }

  async #exchange(): Promise<string | undefined> {
    if (this.#isOver) return undefined;
    const { store, origin, fetch, now } = this.#deps;
    const epoch = this.#epoch;
    const refreshToken = await store?.get();
    if (store !== undefined && refreshToken === undefined) return this.#leave('refresh_token_missing');
    const request = postJson(refreshToken === undefined ? {} : { refresh_token: refreshToken });
    try {
      const { body } = await send(fetch, `${origin}/auth/refresh`, { ...request, credentials: 'include' });
      if (epoch !== this.#epoch) return this.#token?.text;
      await this.#accept(body, 'refreshed');
      return this.#token?.text;
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error;
      if (epoch !== this.#epoch) return this.#token?.text;
      if (TERMINAL.has(error.code)) {
        await this.end(error.code);
        return undefined;
      }
      this.#refusal = { error, atMs: now() };
      throw error;
    }
  }

  async #accept(body: Record<string, unknown>, reason: string): Promise<void> {
    const {
      access_token: text,
      session_id: sessionId,
      expires_in: expiresInS,
      refresh_token: refreshToken,
    } = body;
    if (typeof text !== 'string' || typeof sessionId !== 'string' || typeof expiresInS !== 'number')
      throw new GatehouseError('unexpected_answer', 'an answer without an access token');
    // First, so that a crash between the two loses nothing.
    if (typeof refreshToken === 'string') await this.#deps.store?.set(refreshToken);
    const token = receivedToken({ text, sessionId, expiresInS }, this.#deps.now());
    this.#take(token, reason);
    this.#tabs.tell({ type: 'token', token });
  }

  #take(token: AccessToken, reason: string): void {
    this.#token = token;
    this.#isOver = false;
    this.#refusal = undefined;
    this.#deps.onToken(token, reason);
  }

  #leave(reason: string): undefined {
    this.#epoch += 1;
    this.#endedSession = this.#token?.sessionId;
    this.#token = undefined;
    this.#isOver = true;
    this.#deps.onToken(undefined, reason);
  }

  #hear(message: TabMessage): void {
    if (message.type === 'ask') {
      if (this.#isFresh(undefined) && this.#token !== undefined)
        this.#tabs.tell({ type: 'token', token: this.#token });
      return;
    }
    const { sessionId = this.#token?.sessionId } = message.type === 'token' ? message.token : message;
    if (message.type === 'signed-out') {
      if (this.#token === undefined || this.#token.sessionId === sessionId) this.#leave(message.reason);
      this.#endedSession = sessionId;
    } else {
      // What says nothing new is not what anybody waits for: an answer to an earlier question may still be on its way.
      const { expiresAtMs } = message.token;
      if (sessionId === this.#endedSession || expiresAtMs <= (this.#token?.expiresAtMs ?? 0)) return;
      this.#epoch += 1;
      this.#take(message.token, 'refreshed');
    }
    for (const heard of [...this.#hearers]) heard();
  }
}
