import type { TLSSocket } from 'node:tls';
import type { Dispatcher } from 'undici';
import type { AddressList } from '../../kit/address-list.js';
import type { ConnectionBounds } from './client-connections.js';
import type { ForwardLimits } from './response-relay.js';

/** Bounds of one HTTP/2 connection. */
export interface Http2Limits {
  /** Until the first request is there. */
  headersMs: number;
  headerBytes: number;
  /** Longest time without a request. */
  keepAliveMs: number;
  concurrentStreams: number;
  clientStallMs: number;
  /** Then the client is asked to connect anew; 0 for never. */
  requestsPerConnection: number;
}

/** What the listener takes from the config, one version of it. A request keeps to the one it began with. */
export interface Edge {
  upstreams: EdgeUpstreams;
  limits: ForwardLimits & Http2Limits & ConnectionBounds;
  /** Proxies in front of the gateway whose X-Forwarded-* are believed. */
  trustedProxies: AddressList;
}

export interface EdgeUpstreams {
  /** Where requests to this upstream go: verified connections only. */
  dispatcherOf(upstream: string): Dispatcher;
  /**
   * For what the dispatcher does not carry. Rejects as it fails; `signal` ends the wait for a turn. `callerKey` is asked
   * where targets are chosen by caller.
   */
  connect(
    upstream: string,
    signal: AbortSignal,
    caller: { callerKey(on: 'subject' | 'address'): string },
  ): Promise<UpstreamConnection>;
}

/** A verified connection to a target, where it counts as a request under way until it closes. */
export interface UpstreamConnection {
  readonly socket: TLSSocket;
  answered(status: number): void;
  /** Without an answer. */
  failed(): void;
  /** Nobody waits for one any more. */
  leave(): void;
}
