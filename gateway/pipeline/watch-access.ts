import type { AccessEnd, Exchange, OpenRequest, OpenRequests } from './ports.js';
import type { Forwardable, VerifiedToken } from './states.js';

/** A request on its way, for as long as its caller has access. */
export class AccessWatch implements OpenRequest {
  readonly token: VerifiedToken;
  readonly endsAtMs: number;
  /** Why it was cut off; undefined when it was not. */
  ended: AccessEnd | undefined;
  /** To be called when the reply has ended. */
  readonly leave: () => void;
  readonly #exchange: Exchange;

  constructor(token: VerifiedToken, endsAtMs: number, exchange: Exchange, openRequests: OpenRequests) {
    this.token = token;
    this.endsAtMs = endsAtMs;
    this.#exchange = exchange;
    this.leave = openRequests.watch(this);
  }

  cut(why: AccessEnd): void {
    this.ended = why;
    this.#exchange.cut(why);
  }
}

/**
 * A request that outlives its caller's access is cut off: streams and WebSockets can last for days. Undefined where there
 * is no token whose end could be its end.
 */
export function watchAccess(
  { token, identity }: Forwardable,
  exchange: Exchange,
  openRequests: OpenRequests,
): AccessWatch | undefined {
  if (token === undefined) return undefined;
  // The token behind an API key is renewed all the time; only a revocation ends the key.
  const endsAtMs = identity.kind === 'api-key' ? Number.POSITIVE_INFINITY : token.expiresAt * 1000;
  return new AccessWatch(token, endsAtMs, exchange, openRequests);
}
