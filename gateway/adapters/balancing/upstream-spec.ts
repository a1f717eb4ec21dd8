import type { HashOn } from './choose-by-hash.js';

/** An upstream as config has it, with units resolved and every default filled in. */
export interface UpstreamSpec {
  /** At least one with a weight above 0. */
  targets: readonly TargetSpec[];
  /** Who has to answer at each of them. */
  spiffeId: string;
  protocol: 'http1' | 'http2';
  balance: 'least_requests' | 'round_robin' | 'hash';
  /** What `hash` goes by; undefined for the others. */
  hashOn?: HashOn | undefined;
  /** How long the share of a target that is new or has returned grows; 0 for not at all. */
  slowStartMs: number;
  connections: ConnectionBounds;
  outliers: OutlierBounds;
  retryBudget: RetryBounds;
  /** How often host names are looked up again. */
  dnsRefreshMs: number;
  /** A host name may stand for a link-local or cloud metadata address. */
  allowsLinkLocal: boolean;
  health?: HealthCheckSpec | undefined;
  breaker?: BreakerSpec | undefined;
  limit?: LimitSpec | undefined;
}

export interface TargetSpec {
  /** `https://host:port`. */
  url: string;
  /** Its share of the requests, against the sum of all; 0 gets none. */
  weight: number;
}

/** Of each target. */
export interface ConnectionBounds {
  max: number;
  /** Shorter than the upstream's own, so that a request never meets a connection that is just closing. */
  idleMs: number;
  connectTimeoutMs: number;
  /** Opened ahead of the first request. */
  warm: number;
}

export interface OutlierBounds {
  /** Failures in a row. 0: nothing is ever ejected. */
  failures: number;
  /** The first time; each time in a row as much more, up to ten times. */
  ejectMs: number;
}

/** Counted over the last ten seconds. */
export interface RetryBounds {
  /** Of the requests. */
  ratio: number;
  /** On top of it. */
  perSecond: number;
}

export interface HealthCheckSpec {
  path: string;
  /** Between two checks of a target, a fifth more or less. */
  intervalMs: number;
  timeoutMs: number;
  /** Good answers in a row that bring a target back. */
  healthy: number;
  /** Failures in a row that take it out. */
  unhealthy: number;
}

export interface BreakerSpec {
  /** Of the requests of the last ten seconds. */
  failureRatio: number;
  /** Fewer say nothing. */
  minRequests: number;
  openMs: number;
}

export interface LimitSpec {
  /** Requests under way at the upstream. */
  maxRequests: number;
  /** Requests that wait for one of them to end. */
  queue: number;
  queueMs: number;
}

/** What an upstream gets that says nothing. */
export const UPSTREAM_DEFAULTS: Omit<UpstreamSpec, 'targets' | 'spiffeId'> = {
  protocol: 'http1',
  balance: 'least_requests',
  slowStartMs: 0,
  connections: { max: 1024, idleMs: 4000, connectTimeoutMs: 3000, warm: 1 },
  outliers: { failures: 5, ejectMs: 30_000 },
  retryBudget: { ratio: 0.2, perSecond: 1 },
  dnsRefreshMs: 30_000,
  allowsLinkLocal: false,
};
