import { showDuration } from '../kit/units.js';
import type { UpstreamSpec } from './adapters/balancing/upstream-spec.js';
import { upstreamSpec } from './reload/upstream-specs.js';
import type { UpstreamConfig } from './routing/schema.js';

/** What an upstream does, by the names of the config's keys, with defaults filled in: for `explain` and `diff`. */
export function describeUpstream(upstream: UpstreamConfig): Record<string, string> {
  const spec = upstreamSpec(upstream);
  const { max, idleMs, connectTimeoutMs, warm } = spec.connections;
  const { ratio, perSecond } = spec.retryBudget;
  const time = showDuration;
  return {
    targets: targetTexts(spec.targets).join(', '),
    spiffe_id: spec.spiffeId,
    protocol: upstream.protocol ?? 'http1',
    balance: spec.hashOn === undefined ? spec.balance : `hash on ${spec.hashOn}`,
    health: describeHealth(spec.health),
    outliers:
      spec.outliers.failures === 0
        ? 'never'
        : `${spec.outliers.failures} failures in a row, ${time(spec.outliers.ejectMs)}`,
    slow_start: spec.slowStartMs === 0 ? 'none' : time(spec.slowStartMs),
    retry_budget: `${Math.round(ratio * 100)} % and ${perSecond} a second`,
    connections: `up to ${max}, idle ${time(idleMs)}, made in ${time(connectTimeoutMs)}, ${warm} ahead`,
    dns_refresh: time(spec.dnsRefreshMs),
    circuit_breaker: describeBreaker(spec.breaker),
    concurrency: describeLimit(spec.limit),
    allow_link_local: String(spec.allowsLinkLocal),
    identity_headers: JSON.stringify(upstream.identity_headers ?? {}),
    assertion: String(upstream.assertion ?? false),
  };
}

/** With their weights where these differ. */
export function targetTexts(targets: UpstreamSpec['targets']): string[] {
  const areEqual = targets.every(({ weight }) => weight === targets[0]?.weight);
  return targets.map(({ url, weight }) => (areEqual ? url : `${url} (${weight})`));
}

function describeHealth(health: UpstreamSpec['health']): string {
  if (health === undefined) return 'none';
  const { path, intervalMs, timeoutMs, healthy, unhealthy } = health;
  return `GET ${path} every ${showDuration(intervalMs)}, in ${showDuration(timeoutMs)}; ${unhealthy} bad ones out, ${healthy} good ones in`;
}

function describeBreaker(breaker: UpstreamSpec['breaker']): string {
  if (breaker === undefined) return 'none';
  const { failureRatio, minRequests, openMs } = breaker;
  return `at ${Math.round(failureRatio * 100)} % of ${minRequests} requests or more, ${showDuration(openMs)}`;
}

function describeLimit(limit: UpstreamSpec['limit']): string {
  if (limit === undefined) return 'none';
  const { maxRequests, queue, queueMs } = limit;
  return `${maxRequests}, then ${queue} waiting${queue === 0 ? '' : ` up to ${showDuration(queueMs)}`}`;
}
