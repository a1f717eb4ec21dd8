import type { CallersOf } from './caller.js';
import type { Issuer } from './issuer.js';
import type { VerificationKey } from './key-source.js';
import type { VerifiedToken } from './states.js';

/** What verifying a token found out, and what it rests on. Frozen: many requests share it. */
export interface Verification {
  readonly token: VerifiedToken;
  readonly callers: CallersOf;
  /** As compiled, so that another config's issuer is another object. */
  readonly issuer: Issuer;
  /** The key id as the token names it; it may name none. */
  readonly namedKid: string | undefined;
  readonly key: VerificationKey;
}

/**
 * Tokens that verified, by their exact text; nothing else is ever in it. Bounded: it may forget any of them at any
 * time. Whether an entry still holds is for `recall-token.ts` to decide, on each request.
 */
export interface VerifiedTokenCache {
  get(text: string): Verification | undefined;
  set(text: string, verification: Verification): void;
  delete(text: string): void;
}
