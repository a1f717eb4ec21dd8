import { LRUCache } from 'lru-cache';
import type { Verification, VerifiedTokenCache } from '../pipeline/ports.js';

export interface BoundedTokenCache extends VerifiedTokenCache {
  readonly entries: number;
  /** As reckoned by {@link bytesOf}. */
  readonly bytes: number;
  /** Look-ups since the start of the process that found something, and that did not. */
  readonly hits: number;
  readonly misses: number;
  clear(): void;
}

/** Some 30,000 tokens of the usual 500 characters. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** The least recently used entries go first. Bounded by bytes, since whoever may ask for tokens chooses their size. */
export function createVerifiedTokenCache(maxBytes: number = DEFAULT_MAX_BYTES): BoundedTokenCache {
  const cache = new LRUCache<string, Verification>({
    maxSize: maxBytes,
    sizeCalculation: (_verification, text) => bytesOf(text),
  });
  let hits = 0;
  let misses = 0;
  return {
    get(text) {
      const known = cache.get(text);
      if (known === undefined) misses += 1;
      else hits += 1;
      return known;
    },
    set: (text, verification) => void cache.set(text, verification),
    delete: (text) => void cache.delete(text),
    clear: () => cache.clear(),
    get entries() {
      return cache.size;
    },
    get bytes() {
      return cache.calculatedSize;
    },
    get hits() {
      return hits;
    },
    get misses() {
      return misses;
    },
  };
}

/**
 * What an entry holds on to: the text and the claims as objects. Measured on Node 20: 1431 bytes for a token of 526
 * characters, 3126 for one of 1123, 10050 for one of 3565; this is a little more.
 */
function bytesOf(text: string): number {
  return 512 + 3 * text.length;
}
