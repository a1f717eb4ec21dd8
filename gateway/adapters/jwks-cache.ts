import type { KeySetStatus } from '../../contracts/admin-api.js';
import { type Clock, pause } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { VerificationKey } from '../pipeline/ports.js';
import type { FetchJwks } from './fetch-jwks.js';
import { HeldKeys } from './held-keys.js';
import type { KeptKeys, KeyFile } from './key-file.js';
import type { KeySet } from './key-set.js';

export interface JwksCacheOptions {
  /** Of the issuer in config. */
  name: string;
  issuer: string;
  /** Where the keys come from, as people are told. */
  source: string;
  algorithms: readonly string[];
  fetch: FetchJwks;
  /** Called whenever the keys may be others than before, or have been confirmed. */
  onChange?: () => void;
  /** Keeps the last good keys over a restart. */
  file?: KeyFile | undefined;
  clock: Clock;
  logger: Logger;
  /** In [0, 1). Spreads the refreshes of many gateways. */
  random?: () => number;
  /** Default 30 s: between two fetches that an unknown key id may cause. */
  cooldownMs?: number;
  /** Default 24 h: how long keys serve without a good answer. */
  maxStalenessMs?: number;
  /** Default 5 s. */
  fetchTimeoutMs?: number;
  /** Default 2 s: how long a request waits for an unknown key id. */
  requestWaitMs?: number;
}

const MINUTE_MS = 60_000;
const MIN_REFRESH_MS = MINUTE_MS;
const MAX_REFRESH_MS = 60 * MINUTE_MS;
const DEFAULT_MAX_AGE_MS = 5 * MINUTE_MS;
const FIRST_RETRY_MS = 1000;

/** The keys of one issuer (design 4.5): fetched in the background, kept through outages, never replaced by bad ones. */
export class JwksCache implements KeySet {
  readonly #options: Required<JwksCacheOptions>;
  readonly #held: HeldKeys;
  readonly #stopped = new AbortController();
  #missAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  #next: { at: number; cancel: () => void } | undefined;
  #failures = 0;
  #lastFailure: string | undefined;
  #failuresEver = 0;

  constructor(options: JwksCacheOptions) {
    this.#options = {
      file: undefined,
      onChange: () => undefined,
      random: Math.random,
      cooldownMs: 30_000,
      maxStalenessMs: 24 * 60 * MINUTE_MS,
      fetchTimeoutMs: 5000,
      requestWaitMs: 2000,
      ...options,
    };
    const logger = options.logger.child({ issuer: options.name });
    this.#held = new HeldKeys({ ...this.#options, logger });
  }

  /** Starts fetching in the background. Resolves after the first attempt, good or bad. */
  async start(): Promise<void> {
    await this.#held.restore();
    this.#options.onChange();
    await this.#refresh();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#next?.cancel();
    await this.#fetching;
    await this.#held.settled();
  }

  get name(): string {
    return this.#options.name;
  }

  get issuer(): string {
    return this.#options.issuer;
  }

  get available(): boolean {
    return this.#held.available;
  }

  /** Failed fetches since the start of the process. */
  get failuresEver(): number {
    return this.#failuresEver;
  }

  /** As they would be kept on disk; undefined where there are none. */
  get kept(): KeptKeys | undefined {
    return this.#held.kept;
  }

  /** Until an unknown key id may cause a fetch again. */
  get cooldownMs(): number {
    const { clock, cooldownMs } = this.#options;
    return Math.max(0, this.#missAt + cooldownMs - clock.monotonic());
  }

  find(kid: string | undefined): VerificationKey | undefined {
    return this.#held.find(kid);
  }

  isRevoked(kid: string): boolean {
    return this.#held.isRevoked(kid);
  }

  async fetchMissing(kid: string): Promise<VerificationKey | 'absent' | 'unanswered'> {
    const { clock, cooldownMs, requestWaitMs } = this.#options;
    if (this.#fetching === undefined) {
      if (clock.monotonic() - this.#missAt < cooldownMs) return this.#find(kid);
      this.#missAt = clock.monotonic();
    }
    const waited = new AbortController();
    const inTime = await Promise.race([
      this.#refresh().then(() => true),
      pause(clock, requestWaitMs, waited.signal).then(() => false),
    ]);
    waited.abort();
    return inTime ? this.#find(kid) : (this.find(kid) ?? 'unanswered');
  }

  /** An entry of the revocation feed: the key goes at once, and what has come in its place is fetched. */
  revoke(kid: string, expS: number): void {
    if (!this.#held.revoke(kid, expS)) return;
    this.#options.onChange();
    // A fetch under way may have been answered before the key was replaced.
    void (this.#fetching ?? Promise.resolve()).then(() => this.#refresh());
  }

  status(): KeySetStatus {
    const { name, issuer, source, maxStalenessMs, clock } = this.#options;
    const { keys, revoked, ignored, ageMs, available } = this.#held;
    const inMs = this.#next === undefined ? null : this.#next.at - clock.monotonic();
    return {
      name,
      issuer,
      source,
      available,
      keys: keys.map(({ kid, alg }) => ({ kid, alg })),
      revoked: [...revoked],
      ignored: ignored.map(({ kid = null, reason }) => ({ kid, reason })),
      age_ms: Number.isFinite(ageMs) ? Math.round(ageMs) : null,
      max_staleness_ms: maxStalenessMs,
      next_refresh_ms: inMs === null ? null : Math.max(Math.round(inMs), 0),
      failures: this.#failures,
      last_failure: this.#lastFailure ?? null,
    };
  }

  #find(kid: string): VerificationKey | 'absent' | 'unanswered' {
    return this.find(kid) ?? (this.#failures === 0 ? 'absent' : 'unanswered');
  }

  /** One fetch at a time. Never rejects. */
  #refresh(): Promise<void> {
    if (this.#stopped.signal.aborted) return Promise.resolve();
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<void> {
    const { fetch, clock, fetchTimeoutMs } = this.#options;
    this.#next?.cancel();
    this.#next = undefined;
    const timeout = new AbortController();
    const cancel = clock.after(fetchTimeoutMs, () => timeout.abort(new Error('no whole answer in time')));
    let delayMs: number;
    try {
      const { body, maxAgeMs } = await fetch(AbortSignal.any([timeout.signal, this.#stopped.signal]));
      await this.#held.replace(body);
      this.#options.onChange();
      delayMs = this.#succeeded(maxAgeMs);
    } catch (error) {
      delayMs = this.#failed(error);
    } finally {
      cancel();
    }
    if (this.#stopped.signal.aborted) return;
    const cancelNext = clock.after(delayMs, () => void this.#refresh());
    this.#next = { at: clock.monotonic() + delayMs, cancel: cancelNext };
  }

  /** The delay until the next fetch: 80 % of the answer's life, with jitter. */
  #succeeded(maxAgeMs = DEFAULT_MAX_AGE_MS): number {
    this.#failures = 0;
    this.#lastFailure = undefined;
    const lifeMs = Math.min(Math.max(maxAgeMs, MIN_REFRESH_MS), MAX_REFRESH_MS);
    return lifeMs * (0.8 - 0.1 * this.#options.random());
  }

  /** The delay until the next attempt: from one second up. */
  #failed(error: unknown): number {
    const { logger, name, random } = this.#options;
    if (!this.#stopped.signal.aborted) {
      const keys = this.#held.keys.length;
      logger.warn({ err: error, issuer: name, keys }, 'fetching the key set failed; the last good keys stay');
      this.#lastFailure = error instanceof Error ? error.message : 'unknown';
      this.#failuresEver += 1;
    }
    return Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, MIN_REFRESH_MS) * (1 - 0.2 * random());
  }
}
