import { type Clock, pause } from '../../kit/clock.js';
import { LinkedList, type Place } from '../../kit/linked-list.js';
import type { OpenRequest, OpenRequests, Revocations } from '../pipeline/ports.js';

/** Well within the five seconds of design 4.4. */
const CHECK_EVERY_MS = 1000;

/**
 * Requests under way whose caller can lose access before they end: streams and WebSockets last for days. Ordinary ones
 * are gone before anybody looks.
 */
export class OpenRequestWatch implements OpenRequests {
  readonly #open = new LinkedList<OpenRequest>();
  readonly #clock: Clock;
  readonly #revocations: Revocations;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;

  constructor(clock: Clock, revocations: Revocations) {
    this.#clock = clock;
    this.#revocations = revocations;
  }

  start(): void {
    this.#running = this.#checkNowAndThen();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  watch(request: OpenRequest): () => void {
    const place = this.#open.add(request);
    return () => place.leave();
  }

  async #checkNowAndThen(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await pause(this.#clock, CHECK_EVERY_MS, signal);
      const now = this.#clock.now();
      for (const place of this.#open.places()) await this.#check(place, now);
    }
  }

  async #check(place: Place<OpenRequest>, now: number): Promise<void> {
    if (place.value === undefined) return;
    const isExpired = now >= place.value.endsAtMs;
    if (!isExpired && !(await this.#isRevoked(place.value))) return;
    // It may have ended meanwhile, and its connection serve another one.
    const request = place.value as OpenRequest | undefined;
    place.leave();
    request?.cut(isExpired ? 'token_expired' : 'token_revoked');
  }

  /** A stream that is open already outlives an outage of whoever would be asked. */
  async #isRevoked({ token }: OpenRequest): Promise<boolean> {
    const found = await this.#revocations.find(token);
    return found !== undefined && found !== 'unanswered';
  }
}
