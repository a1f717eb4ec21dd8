import type { UpstreamSpec } from '../adapters/upstream-pool.js';
import { targetsOf } from '../routing/schema/common.js';
import type { GatewayConfig } from '../routing/schema.js';

/** The auth service's internal listener. No name in config can be this one, so no route can name it. */
export const AUTH_INTERNAL = 'internal.auth';

export function upstreamSpecs({ upstreams, revocation }: GatewayConfig): Record<string, UpstreamSpec> {
  const specs = Object.entries(upstreams).map(([name, { url, spiffe_id }]) => [
    name,
    { targets: targetsOf(url), spiffeId: spiffe_id },
  ]);
  const internal = { targets: targetsOf(revocation.feed_url), spiffeId: revocation.feed_spiffe_id };
  return Object.fromEntries([...specs, [AUTH_INTERNAL, internal]]) as Record<string, UpstreamSpec>;
}
