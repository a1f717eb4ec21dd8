import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ApiKeyExchange } from '../../contracts/auth-api.js';
import { Problem } from '../../contracts/problem.js';
import { addressGroup } from '../../kit/address-group.js';
import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { ApiKeys } from '../pipeline/ports.js';
import type { ExchangeApiKey } from './api-key-exchange.js';
import { FailureBudget } from './failure-budget.js';

const WAIT_MS = 2000;
const REMEMBER_UNKNOWN_MS = 60_000;
const RENEW_AT = 0.8;
/** After a renewal that failed; the token still serves. */
const RENEWAL_RETRY_MS = 1000;
/** A token that is refused is let go of no sooner. */
const MIN_HELD_MS = 1000;
const MAX_KEYS = 100_000;
const MAX_UNKNOWN = 10_000;
const MAX_EXCHANGES_AT_ONCE = 64;
/** Unknown keys from one address. Keys that are good cost nothing, however many there are. */
const FAILURES = { burst: 30, perMs: 60_000 };

interface Held {
  token: string;
  sinceMs: number;
  renewAtMs: number;
  endsAtMs: number;
}

export interface ApiKeyTokensOptions {
  exchange: ExchangeApiKey;
  clock: Clock;
  logger: Logger;
}

/**
 * Tokens for API keys, by the SHA-256 of the key: the keys themselves are not kept. A key's first use waits for the
 * exchange, one for all who ask at once; a key in use gets its next token in the background, before the old one ends,
 * so the auth service can be away for a while without anybody noticing (design 4.11).
 */
export class ApiKeyTokens implements ApiKeys {
  readonly #exchange: ExchangeApiKey;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #failures: FailureBudget;
  readonly #held = new LRUCache<string, Held>({ max: MAX_KEYS });
  /** Until when (monotonic milliseconds) a key is known to be unknown. */
  readonly #unknown = new LRUCache<string, number>({ max: MAX_UNKNOWN });
  readonly #underWay = new Map<string, Promise<string>>();

  constructor({ exchange, clock, logger }: ApiKeyTokensOptions) {
    this.#exchange = exchange;
    this.#clock = clock;
    this.#logger = logger;
    this.#failures = new FailureBudget(clock, FAILURES.burst, FAILURES.perMs);
  }

  tokenFor(key: string, address: string): string | Promise<string> {
    const digest = digestOf(key);
    const now = this.#clock.monotonic();
    const held = this.#held.get(digest);
    if (held !== undefined && now < held.endsAtMs) {
      if (now >= held.renewAtMs) this.#renew(digest, key, held);
      return held.token;
    }
    if (now < (this.#unknown.get(digest) ?? 0)) throw new Problem('api_key_invalid');
    return this.#underWay.get(digest) ?? this.#firstUse(digest, key, address);
  }

  discard(key: string, token: string): boolean {
    const digest = digestOf(key);
    const held = this.#held.get(digest);
    if (held?.token !== token) return true; // there is another one by now, or about to be
    if (this.#clock.monotonic() - held.sinceMs < MIN_HELD_MS) return false;
    this.#held.delete(digest);
    return true;
  }

  #firstUse(digest: string, key: string, address: string): Promise<string> {
    if (this.#underWay.size >= MAX_EXCHANGES_AT_ONCE) throw new Problem('overloaded', { reason: 'api_key' });
    const retryAfterMs = this.#failures.charge(addressGroup(address));
    if (retryAfterMs > 0) {
      const headers = { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
      throw new Problem('rate_limited', { headers, reason: 'api_key' });
    }
    return this.#start(digest, key, (known) => {
      if (known) this.#failures.payBack(addressGroup(address));
    });
  }

  /** In the background; one at a time, and after a failure not at once again. */
  #renew(digest: string, key: string, held: Held): void {
    if (this.#underWay.has(digest)) return;
    held.renewAtMs = this.#clock.monotonic() + RENEWAL_RETRY_MS;
    this.#start(digest, key, () => undefined).catch((error: unknown) => {
      if (!(error instanceof Problem) || error.code !== 'api_key_invalid')
        this.#logger.warn({ err: error }, 'an API key could not be renewed');
    });
  }

  #start(digest: string, key: string, settled: (known: boolean) => void): Promise<string> {
    const run = this.#ask(digest, key).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, run);
    run.then(
      () => settled(true),
      // No answer is not the caller's failure.
      (error: unknown) => settled(!(error instanceof Problem && error.code === 'api_key_invalid')),
    );
    return run;
  }

  async #ask(digest: string, key: string): Promise<string> {
    const deadline = new AbortController();
    const cancel = this.#clock.after(WAIT_MS, () => deadline.abort());
    let answer: ApiKeyExchange | undefined;
    try {
      answer = await this.#exchange(key, deadline.signal);
    } catch (cause) {
      throw new Problem('api_key_unverified', { cause });
    } finally {
      cancel();
    }
    const now = this.#clock.monotonic();
    if (answer === undefined) {
      this.#held.delete(digest);
      this.#unknown.set(digest, now + REMEMBER_UNKNOWN_MS);
      throw new Problem('api_key_invalid');
    }
    const lifetimeMs = answer.expires_in * 1000;
    const held = {
      token: answer.access_token,
      sinceMs: now,
      renewAtMs: now + lifetimeMs * RENEW_AT,
      endsAtMs: now + lifetimeMs,
    };
    this.#held.set(digest, held);
    return held.token;
  }
}

const digestOf = (key: string): string => createHash('sha256').update(key).digest('base64');
