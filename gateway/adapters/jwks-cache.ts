import { type Clock, pause } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { KeySource, VerificationKey } from '../pipeline/ports.js';
import { parseJwks } from './parse-jwks.js';

/** One download of a key set. `maxAgeMs` from `Cache-Control`. Rejects on anything but a whole 200 answer in JSON. */
export type FetchJwks = (signal: AbortSignal) => Promise<{ body: unknown; maxAgeMs: number | undefined }>;

export interface JwksCacheOptions {
  issuer: string;
  algorithms: readonly string[];
  fetch: FetchJwks;
  clock: Clock;
  logger: Logger;
  /** In [0, 1). Spreads the refreshes of many gateways. */
  random?: () => number;
  /** Default 30 s: between two fetches that an unknown key id may cause. */
  cooldownMs?: number;
  /** Default 24 h: how long keys serve without a good answer. */
  maxStaleMs?: number;
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
export class JwksCache implements KeySource {
  readonly #options: Required<JwksCacheOptions>;
  readonly #stopped = new AbortController();
  #keys: ReadonlyMap<string, VerificationKey> = new Map();
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #missAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<number> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: JwksCacheOptions) {
    this.#options = {
      random: Math.random,
      cooldownMs: 30_000,
      maxStaleMs: 24 * 60 * MINUTE_MS,
      fetchTimeoutMs: 5000,
      requestWaitMs: 2000,
      ...options,
    };
  }

  /** Starts fetching in the background. Resolves after the first attempt, good or bad. */
  async start(): Promise<void> {
    const first = this.#refresh();
    this.#running = first.then((delayMs) => this.#keepFresh(delayMs));
    await first;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  get available(): boolean {
    return (
      this.#keys.size > 0 && this.#options.clock.monotonic() - this.#fetchedAt <= this.#options.maxStaleMs
    );
  }

  find(kid: string | undefined): VerificationKey | undefined {
    if (kid !== undefined) return this.#keys.get(kid);
    return this.#keys.size === 1 ? this.#keys.values().next().value : undefined;
  }

  async fetchMissing(kid: string): Promise<VerificationKey | undefined> {
    const { clock, cooldownMs, requestWaitMs } = this.#options;
    if (this.#fetching === undefined) {
      if (clock.monotonic() - this.#missAt < cooldownMs) return this.find(kid);
      this.#missAt = clock.monotonic();
    }
    const waited = new AbortController();
    await Promise.race([this.#refresh(), pause(clock, requestWaitMs, waited.signal)]);
    waited.abort();
    return this.find(kid);
  }

  async #keepFresh(firstDelayMs: number): Promise<void> {
    const { signal } = this.#stopped;
    let delayMs = firstDelayMs;
    while (!signal.aborted) {
      await pause(this.#options.clock, delayMs, signal);
      if (signal.aborted) return;
      delayMs = await this.#refresh();
    }
  }

  #failures = 0;

  /** One fetch at a time. Resolves to the delay until the next one is due. */
  #refresh(): Promise<number> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<number> {
    const { fetch, algorithms, clock, logger, issuer, random, fetchTimeoutMs } = this.#options;
    const timeout = new AbortController();
    const cancel = clock.after(fetchTimeoutMs, () => timeout.abort());
    try {
      const { body, maxAgeMs } = await fetch(AbortSignal.any([timeout.signal, this.#stopped.signal]));
      const keys = await parseJwks(body, algorithms);
      this.#keys = keys;
      this.#fetchedAt = clock.monotonic();
      this.#failures = 0;
      const lifeMs = Math.min(Math.max(maxAgeMs ?? DEFAULT_MAX_AGE_MS, MIN_REFRESH_MS), MAX_REFRESH_MS);
      return lifeMs * (0.8 - 0.1 * random());
    } catch (err) {
      if (!this.#stopped.signal.aborted) {
        logger.warn(
          { err, issuer, keys: this.#keys.size },
          'fetching the key set failed; the last good keys stay',
        );
      }
      return Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, MIN_REFRESH_MS) * (1 - 0.2 * random());
    } finally {
      cancel();
    }
  }
}
