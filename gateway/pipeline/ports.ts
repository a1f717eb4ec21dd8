import type { Identity } from '../../contracts/identity-headers.js';
import type { Problem } from '../../contracts/problem.js';
import type { RevocationEntry } from '../../contracts/revocation.js';
import type { HeaderList } from './header-list.js';
import type { CutReason, Outcome, Transfer } from './outcome.js';
import type { OwnAnswer, Priority, RateLimit } from './route.js';
import type { Snapshot } from './snapshot.js';
import type { Forwardable, InboundRequest, VerifiedToken } from './states.js';
import type { VerifiedTokenCache } from './verified-token-cache.js';

export type { CorsPolicy } from './cors-policy.js';
export type { HeaderList } from './header-list.js';
export { headerValues } from './headers.js';
export { hostName, wildcardOf } from './host-name.js';
export { DEFAULT_CLAIM_PATHS } from './issuer.js';
export type { KeySource, VerificationKey } from './key-source.js';
export { type CutReason, newTransfer, type Outcome, type RequestFacts, type Transfer } from './outcome.js';
export { type OwnAnswer, PRIORITIES, type Priority, RATE_LIMIT_BY } from './route.js';
export type { Verification, VerifiedTokenCache } from './verified-token-cache.js';

/** What the pipeline needs from outside. `adapters/`, `routing/` and `http/` implement these. */

/** What is revoked: the copy in memory, or whoever is asked in its place. */
export interface Revocations {
  /**
   * The entry that revokes this token, if any. The copy answers at once, and how old it is shows in its age; a promise,
   * where Redis is asked, never rejects, and comes to `unanswered` when nothing can be said about this token.
   */
  find(
    token: VerifiedToken,
  ): RevocationEntry | undefined | Promise<RevocationEntry | 'unanswered' | undefined>;
  /** Time since the source last answered; infinite before it was first in sync. */
  ageMs(): number;
}

export interface RateLimiter {
  /**
   * Counts a request of this cost against each of the limits, or against none of them where one has no room for it.
   * Answers at once, whoever else counts along.
   */
  take(charges: readonly Charge[], cost: number): Taken;
}

/** How much there is to do. */
export interface Load {
  /** What makes another request of this priority too much, if anything; asked once a request. */
  excess(priority: Priority): 'in_flight' | 'loop_delay' | undefined;
}

/** Past which even critical requests are refused. */
export interface OverloadLimits {
  inFlight: number;
  /** 0: not looked at. */
  loopDelayMs: number;
}

/** A limit, and who is counted by it. */
export interface Charge {
  limit: RateLimit;
  key: string;
}

export interface Taken {
  admitted: boolean;
  /** One a charge, in their order, as they stand afterwards. */
  standings: readonly Standing[];
}

export interface Standing {
  /** How much may come at once now. */
  available: number;
  /** Until there is room for another such request; 0: now. */
  nextInMs: number;
  /** Until the whole burst is there again. */
  fullInMs: number;
}

/** Access tokens for API keys (design 4.11). */
export interface ApiKeys {
  /**
   * The token that a key stands for, at once when it is held. Rejects with a Problem: `api_key_invalid`,
   * `api_key_unverified` when no answer came in time, `rate_limited` after too many unknown keys from one address.
   */
  tokenFor(key: string, address: string): string | Promise<string>;
  /**
   * Lets go of a token that was refused. `false` when it has only just been got: then another would be no better, and
   * keys that are refused for good must not become a stream of exchanges.
   */
  discard(key: string, token: string): boolean;
}

/** The DPoP proofs of the last minutes (RFC 9449 section 11.1). */
export interface DpopReplays {
  /** `id` is kept until `untilMs` (unix milliseconds). `full`: it cannot be, so nothing can be said about it. */
  remember(id: string, untilMs: number): 'new' | 'used' | 'full';
  /** Whether it is remembered; changes nothing. */
  knows(id: string): boolean;
}

/** Signs `x-identity-assertion`, and says what it is verified with. */
export interface Assertions {
  /** A JWT about this identity for this upstream; the same one for up to 30 s. */
  assert(identity: Identity, upstream: string): string;
  /** The JWK set, as JSON. */
  publicKeys(): string;
}

/** One request on the wire: where it is answered. */
export interface Exchange {
  readonly request: InboundRequest;
  readonly transfer: Transfer;
  /** Sends the request to its upstream and the response back. Resolves when the reply has ended, whatever its end. */
  forward(forwardable: Forwardable): Promise<Forwarded>;
  /** `headers` go along where the problem has none of that name. */
  refuse(problem: Problem, headers: HeaderList): void;
  /** Likewise. */
  answer(own: OwnAnswer, headers: HeaderList): Forwarded;
  /** Sends a copy of the request to a mirror, after `forward`, whatever becomes of either. */
  mirror(mirrored: Mirrored): void;
  /** Ends the connection at once: what was under way must not look whole. */
  cut(why: AccessEnd): void;
}

/** A copy of a request, for a mirror. */
export interface Mirrored {
  routeId: string;
  /** Length of the body; 0 for none. */
  bodyBytes: number;
  /** Made when there is something to send. Throws a Problem. */
  copy(): Forwardable;
}

/** Why a request under way had to end. */
export type AccessEnd = 'token_expired' | 'token_revoked';

/** How forwarding ended. */
export interface Forwarded {
  /** 0 when the connection ended before a status was sent. */
  status: number;
  /** Set when the upstream failed and the gateway answered in its place, or the reply was cut. */
  problem?: Problem | undefined;
  /** Set when the reply ended before its upstream ended it. */
  cut?: CutReason | undefined;
}

/** What is under way, counted up and down in place. */
export interface OpenTraffic {
  /** From the request line to the end of the reply: streams and WebSockets too. */
  requests: number;
  /** Responses that are streams of events, or of gRPC. */
  streams: number;
  webSockets: number;
}

/** A request under way that ends with its caller's access. */
export interface OpenRequest {
  token: VerifiedToken;
  /** Unix milliseconds at which access ends by itself; infinite when only a revocation ends it. */
  endsAtMs: number;
  cut(why: AccessEnd): void;
}

/** Cuts requests within seconds of their token's expiry or revocation (design 4.4). */
export interface OpenRequests {
  /** Returns how to end the watch. */
  watch(request: OpenRequest): () => void;
}

export interface GatewayPorts {
  /** The snapshot in force. Called once a request. */
  snapshot(): Snapshot;
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds that never jump back, with fractions. */
  monotonic(): number;
  /** As `Math.random`. */
  random(): number;
  verifiedTokens: VerifiedTokenCache;
  revocations: Revocations;
  openRequests: OpenRequests;
  apiKeys: ApiKeys;
  dpopReplays: DpopReplays;
  assertions: Assertions;
  load: Load;
  rateLimiter: RateLimiter;
  /** Counted in place. */
  open: OpenTraffic;
  record(outcome: Outcome): void;
}
