import type { SigningAlgorithm } from './signing-key.js';

/** `keys` in config/auth.yaml, without the key-encryption keys. */
export interface KeyConfig {
  /** Of keys made from now on. */
  algorithm: SigningAlgorithm;
  rotateEveryMs: number;
  /** How long anyone may keep the key set; at least the minute for which a gateway keeps it in any case. */
  jwksMaxAgeMs: number;
}

export const DEFAULT_ROTATE_EVERY = '30d';
export const DEFAULT_JWKS_MAX_AGE = '5m';

/** A gateway keeps a key set for a minute whatever its Cache-Control says (design 4.5). */
export const MIN_JWKS_MAX_AGE_MS = 60_000;

/** The clocks of two instances, a key set that is on its way, an instance that is about to look. */
const PUBLISH_MARGIN_MS = 30_000;

/** How long a key has to have been published before it may sign: then no cache is left that has not seen it. */
export const publishLeadMs = ({ jwksMaxAgeMs }: KeyConfig): number => jwksMaxAgeMs + PUBLISH_MARGIN_MS;
