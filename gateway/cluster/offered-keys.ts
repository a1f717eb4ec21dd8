import { JwksCache, type JwksCacheOptions } from '../adapters/jwks-cache.js';
import type { KeySet } from '../adapters/key-set.js';
import type { MissingKeyAnswer, SharedKeys } from './messages.js';

/** The key sets that the primary fetches, for itself and for all workers. */
export class OfferedKeys {
  readonly #caches = new Map<string, OfferedCache>();
  readonly #tell: (set: SharedKeys) => void;

  /** `tell` gets a set whenever it may have changed or has been confirmed. */
  constructor(tell: (set: SharedKeys) => void) {
    this.#tell = tell;
  }

  make(id: string, options: JwksCacheOptions): KeySet {
    const cache: OfferedCache = new OfferedCache(
      {
        ...options,
        onChange: () => {
          const set = sharedKeys(id, cache, options);
          if (set !== undefined) this.#tell(set);
        },
      },
      () => {
        if (this.#caches.get(id) === cache) this.#caches.delete(id);
      },
    );
    this.#caches.set(id, cache);
    return cache;
  }

  /** Those of the config in force, and of one that is being prepared. */
  all(): SharedKeys[] {
    return [...this.#caches].flatMap(([id, cache]) => sharedKeys(id, cache, cache.options) ?? []);
  }

  /** One fetch and one cooldown, however many workers ask. */
  async missing(id: string, kid: string): Promise<MissingKeyAnswer> {
    const cache = this.#caches.get(id);
    if (cache === undefined) return { state: 'unanswered', againInMs: 0 };
    const found = await cache.fetchMissing(kid);
    return {
      state: found === 'unanswered' ? 'unanswered' : 'absent',
      againInMs: typeof found === 'string' ? cache.cooldownMs : 0,
    };
  }

  revoked(id: string, kid: string, expS: number): void {
    this.#caches.get(id)?.revoke(kid, expS);
  }
}

class OfferedCache extends JwksCache {
  readonly options: JwksCacheOptions;
  readonly #onStop: () => void;

  constructor(options: JwksCacheOptions, onStop: () => void) {
    super(options);
    this.options = options;
    this.#onStop = onStop;
  }

  override stop(): Promise<void> {
    this.#onStop();
    return super.stop();
  }
}

function sharedKeys(id: string, { kept }: JwksCache, { clock }: JwksCacheOptions): SharedKeys | undefined {
  return kept === undefined
    ? undefined
    : { id, keys: kept.keys, ageMs: Math.max(0, clock.now() - kept.fetchedAt) };
}
