import { LRUCache } from 'lru-cache';
import type { Verification, VerifiedTokenCache } from '../pipeline/ports.js';

export interface BoundedTokenCache extends VerifiedTokenCache {
  readonly entries: number;
  /** As reckoned by {@link bytesOf}. */
  readonly bytes: number;
  clear(): void;
}

/** Some 16,000 tokens of the usual size. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** The least recently used entries go first. Bounded by bytes, since whoever may ask for tokens chooses their size. */
export function createVerifiedTokenCache(maxBytes: number = DEFAULT_MAX_BYTES): BoundedTokenCache {
  const cache = new LRUCache<string, Verification>({
    maxSize: maxBytes,
    sizeCalculation: (_verification, text) => bytesOf(text),
  });
  return {
    get: (text) => cache.get(text),
    set: (text, verification) => void cache.set(text, verification),
    delete: (text) => void cache.delete(text),
    clear: () => cache.clear(),
    get entries() {
      return cache.size;
    },
    get bytes() {
      return cache.calculatedSize;
    },
  };
}

/** What an entry holds on to: the text itself and the claims, which JSON makes several times as long. Measured. */
function bytesOf(text: string): number {
  return 1536 + 4 * text.length;
}
