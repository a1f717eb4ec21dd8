import { durationMs } from '../../kit/units.js';
import { UPSTREAM_DEFAULTS, type UpstreamSpec } from '../adapters/balancing/upstream-spec.js';
import { targetsOf } from '../routing/schema/common.js';
import { weightedTargets } from '../routing/schema/upstream.js';
import type { GatewayConfig, UpstreamConfig } from '../routing/schema.js';

/** The auth service's internal listener. No name in config can be this one, so no route can name it. */
export const AUTH_INTERNAL = 'internal.auth';

export function upstreamSpecs({ upstreams, revocation }: GatewayConfig): Record<string, UpstreamSpec> {
  const specs = Object.entries(upstreams).map(([name, upstream]) => [name, upstreamSpec(upstream)] as const);
  const internal: UpstreamSpec = {
    ...UPSTREAM_DEFAULTS,
    targets: targetsOf(revocation.feed_url).map((url) => ({ url, weight: 1 })),
    spiffeId: revocation.feed_spiffe_id,
  };
  return Object.fromEntries([...specs, [AUTH_INTERNAL, internal]]);
}

/** With units resolved and every default filled in. */
export function upstreamSpec(upstream: UpstreamConfig): UpstreamSpec {
  const defaults = UPSTREAM_DEFAULTS;
  const { balance, dns_refresh, connections = {}, outliers = {}, retry_budget: budget = {} } = upstream;
  return {
    targets: weightedTargets(upstream),
    spiffeId: upstream.spiffe_id,
    protocol: upstream.protocol ?? defaults.protocol,
    balance: balance ?? defaults.balance,
    hashOn: balance === 'hash' ? (upstream.hash_on ?? 'subject') : undefined,
    slowStartMs: ms(upstream.slow_start, defaults.slowStartMs),
    dnsRefreshMs: ms(dns_refresh, defaults.dnsRefreshMs),
    allowsLinkLocal: upstream.allow_link_local ?? defaults.allowsLinkLocal,
    connections: {
      max: connections.max ?? defaults.connections.max,
      idleMs: ms(connections.idle, defaults.connections.idleMs),
      connectTimeoutMs: ms(connections.connect_timeout, defaults.connections.connectTimeoutMs),
      warm: connections.warm ?? defaults.connections.warm,
    },
    outliers:
      outliers === false
        ? { failures: 0, ejectMs: 0 }
        : {
            failures: outliers.failures ?? defaults.outliers.failures,
            ejectMs: ms(outliers.eject, defaults.outliers.ejectMs),
          },
    retryBudget: {
      ratio: budget.percent === undefined ? defaults.retryBudget.ratio : budget.percent / 100,
      perSecond: budget.per_second ?? defaults.retryBudget.perSecond,
    },
    health: healthOf(upstream),
    breaker: breakerOf(upstream),
    limit: limitOf(upstream),
  };
}

function healthOf({ health }: UpstreamConfig): UpstreamSpec['health'] {
  if (health === undefined) return undefined;
  return {
    path: health.path,
    intervalMs: ms(health.interval, 5000),
    timeoutMs: ms(health.timeout, 2000),
    healthy: health.healthy ?? 2,
    unhealthy: health.unhealthy ?? 3,
  };
}

function breakerOf({ circuit_breaker: breaker }: UpstreamConfig): UpstreamSpec['breaker'] {
  if (breaker === undefined) return undefined;
  return {
    failureRatio: (breaker.failures ?? 50) / 100,
    minRequests: breaker.min_requests ?? 20,
    openMs: ms(breaker.open, 10_000),
  };
}

function limitOf({ concurrency }: UpstreamConfig): UpstreamSpec['limit'] {
  if (concurrency === undefined) return undefined;
  return {
    maxRequests: concurrency.max,
    queue: concurrency.queue ?? 0,
    queueMs: ms(concurrency.queue_timeout, 1000),
  };
}

const ms = (text: string | undefined, otherwise: number): number =>
  text === undefined ? otherwise : durationMs(text);
