import type { Metrics } from './adapters/metrics.js';
import type { RevocationSource } from './adapters/revocation-source.js';
import type { BoundedTokenCache } from './adapters/verified-token-cache.js';
import type { KeyCaches } from './key-caches.js';

export interface MeasuredParts {
  keys: KeyCaches;
  verifiedTokens: BoundedTokenCache;
  revocations: RevocationSource;
}

/** What the parts know of themselves, read whenever somebody scrapes. */
export function measure(metrics: Metrics, { keys, verifiedTokens, revocations }: MeasuredParts): void {
  metrics.gauge('gatehouse_revocation_age_seconds', 'Time since the revocation feed last answered.', () =>
    Math.min(revocations.ageMs() / 1000, Number.MAX_SAFE_INTEGER),
  );
  metrics.gauge('gatehouse_revocation_entries', 'Entries in the revocation copy.', () => revocations.size);
  metrics.gauges('gatehouse_jwks_age_seconds', 'Since the issuer last gave a good key set.', 'issuer', () =>
    keys.status().flatMap(({ name, age_ms }) => (age_ms === null ? [] : [[name, age_ms / 1000] as const])),
  );
  metrics.gauges('gatehouse_jwks_keys', 'Keys held of the issuer.', 'issuer', () =>
    keys.status().map((status) => [status.name, status.keys.length] as const),
  );
  metrics.counters('gatehouse_jwks_fetch_failures_total', 'Key sets not had.', 'issuer', () =>
    keys.failures(),
  );
  metrics.gauge('gatehouse_verified_tokens', 'Verified tokens remembered.', () => verifiedTokens.entries);
  metrics.gauge('gatehouse_verified_tokens_bytes', 'Their memory, about.', () => verifiedTokens.bytes);
}
