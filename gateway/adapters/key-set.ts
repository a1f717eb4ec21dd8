import type { KeySetStatus } from '../../contracts/admin-api.js';
import type { KeySource } from '../pipeline/ports.js';

/** The keys of one issuer, with a life of their own. */
export interface KeySet extends KeySource {
  /** Of the issuer in config. */
  readonly name: string;
  readonly issuer: string;
  /** Failed fetches since the start of the process. */
  readonly failuresEver: number;
  /** Resolves after the first attempt at them, good or bad. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** An entry of the revocation feed: the key goes at once. `expS` in unix seconds. */
  revoke(kid: string, expS: number): void;
  status(): KeySetStatus;
}
