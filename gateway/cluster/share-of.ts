import { UPSTREAM_DEFAULTS } from '../adapters/balancing/upstream-spec.js';
import { listenerLimits } from '../routing/schema/limits.js';
import { overloadLimits } from '../routing/schema/overload.js';
import type { GatewayConfig, UpstreamConfig } from '../routing/schema.js';

/**
 * The bounds of one worker of so many, rounded up: connections come round-robin, so each has about as many as the others.
 * What is measured by ratios or durations is each worker's own.
 */
export function shareOf(config: GatewayConfig, workers: number): GatewayConfig {
  const part = (whole: number): number => Math.ceil(whole / workers);
  const { connections, connectionsPerAddress } = listenerLimits(config.limits);
  const { inFlight } = overloadLimits(config.overload);
  const upstreams = Object.entries(config.upstreams);
  return {
    ...config,
    limits: {
      ...config.limits,
      connections: part(connections),
      connections_per_address: part(connectionsPerAddress),
    },
    overload: { ...config.overload, in_flight: part(inFlight) },
    upstreams: Object.fromEntries(
      upstreams.map(([name, upstream]) => [name, shareOfUpstream(upstream, part)]),
    ),
  };
}

function shareOfUpstream(upstream: UpstreamConfig, part: (whole: number) => number): UpstreamConfig {
  const { connections = {}, concurrency, retry_budget: budget = {} } = upstream;
  const { max = UPSTREAM_DEFAULTS.connections.max } = connections;
  const { per_second: perSecond = UPSTREAM_DEFAULTS.retryBudget.perSecond } = budget;
  return {
    ...upstream,
    connections: { ...connections, max: part(max) },
    retry_budget: { ...budget, per_second: part(perSecond) },
    ...(concurrency === undefined
      ? {}
      : { concurrency: { ...concurrency, max: part(concurrency.max), queue: part(concurrency.queue ?? 0) } }),
  };
}

/** What the primary asks of upstreams: keys, where an issuer names one. It checks the health of none. */
export function onlyForKeys(config: GatewayConfig): GatewayConfig {
  const named = new Set(Object.values(config.issuers).map(({ upstream }) => upstream));
  const upstreams = Object.entries(config.upstreams).flatMap(([name, { health: _, ...upstream }]) =>
    named.has(name)
      ? [[name, { ...upstream, connections: { ...upstream.connections, warm: 0 } }] as const]
      : [],
  );
  return { ...config, upstreams: Object.fromEntries(upstreams) };
}
