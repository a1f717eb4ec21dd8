import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * SHA-256 is the right hash here and only here: these secrets are 256 random bits that nobody chose, so there is
 * nothing to guess, and no slow hash to pay for at each request.
 */
export function secretHash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** In constant time. Whoever has no stored hash is compared to one that no secret has. */
export function matchesSecret(secret: string, stored: Buffer | undefined): boolean {
  return timingSafeEqual(secretHash(secret), stored ?? NO_HASH);
}

const NO_HASH = Buffer.alloc(32);
