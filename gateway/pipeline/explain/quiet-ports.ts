import type { GatewayPorts, Load, RateLimiter } from '../ports.js';

/** An explanation is about the config, not about the moment. */
export const NO_LOAD: Load = { excess: () => undefined };

/** Counts nothing, and has room for everybody. */
export const NO_LIMITER: RateLimiter = { take: () => ({ admitted: true, standings: [] }) };

/** The ports of a gateway, such that using them leaves no trace in it. */
export function quietPorts(gateway: GatewayPorts): GatewayPorts {
  const snapshot = gateway.snapshot();
  const { dpopReplays } = gateway;
  return {
    ...gateway,
    // One version for the verdict and its explanation.
    snapshot: () => snapshot,
    verifiedTokens: { get: () => undefined, set: () => undefined, delete: () => undefined },
    openRequests: { watch: () => () => undefined },
    dpopReplays: {
      remember: (id) => (dpopReplays.knows(id) ? 'used' : 'new'),
      knows: (id) => dpopReplays.knows(id),
    },
    load: NO_LOAD,
    rateLimiter: NO_LIMITER,
    open: { requests: 0, streams: 0, webSockets: 0 },
    record: () => undefined,
  };
}
