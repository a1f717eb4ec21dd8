import type { JwksCacheOptions } from './adapters/jwks-cache.js';
import type { KeySet } from './adapters/key-set.js';
import type { LimitStore } from './adapters/shared-limits.js';
import type { GatewayConfig } from './routing/schema.js';

/** What is different in one of several processes that serve together (ADR 0020). */
export interface WorkerRole {
  /** Bounds of the whole gateway, as this process's part of them. */
  shareOf(config: GatewayConfig): GatewayConfig;
  /** Keys of issuers elsewhere, which come by way of the primary; `id` is that of `keySetId`. */
  makeKeySet(id: string, options: JwksCacheOptions): KeySet;
  /** Where the workers count together. */
  limits: LimitStore;
  /** What assertion keys are derived from where the config names no secret: all workers have the same. */
  assertionSecret: Uint8Array;
}
