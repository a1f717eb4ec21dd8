import type { RevocationEntry, RevocationFeed, RevocationSink } from '../../contracts/revocation.js';
import { type Clock, pause } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { Revocations } from '../pipeline/ports.js';
import type { VerifiedToken } from '../pipeline/states.js';
import { RevocationIndex } from './revocation-index.js';

export interface RevocationReplicaOptions {
  /** Followed all the time. */
  primary: RevocationFeed;
  /** Followed while the primary is silent or lost (design 4.4). */
  fallback?: RevocationFeed | undefined;
  /** Told each entry as it is merged; the same one may come again. */
  onEntry?: (entry: RevocationEntry) => void;
  clock: Clock;
  logger: Logger;
  /** Default 2 s: silence of the primary after which the fallback is followed. */
  silenceMs?: number;
  /** Default 500 ms: between two attempts at a lost feed. */
  reconnectMs?: number;
}

const SWEEP_EVERY_MS = 1_000;
/** About a millisecond; a million entries are looked through in under two minutes. */
const SWEPT_AT_ONCE = 10_000;
const WATCH_EVERY_MS = 500;

/**
 * The gateway's full copy of the revocations, kept current by its feeds. Entries are merged and never replaced: what
 * the copy holds it does not forget before its expiry, whatever a feed says.
 */
export class RevocationReplica implements Revocations {
  readonly #options: Required<RevocationReplicaOptions>;
  readonly #index = new RevocationIndex();
  readonly #stopped = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #answeredAt = Number.NEGATIVE_INFINITY;
  #primaryAnsweredAt = Number.NEGATIVE_INFINITY;
  #primaryIsLost = false;
  /** Has the watch look at the primary now. */
  #lookNow = new AbortController();
  #lagMs: number | undefined;

  constructor(options: RevocationReplicaOptions) {
    this.#options = {
      silenceMs: 2000,
      reconnectMs: 500,
      fallback: undefined,
      onEntry: () => undefined,
      ...options,
    };
  }

  start(): void {
    const { primary, fallback, clock } = this.#options;
    const startedAt = clock.monotonic();
    this.#loops.push(this.#sweepNowAndThen());
    this.#loops.push(
      this.#followForever(primary, 'primary', this.#stopped.signal, {
        onAnswer: () => {
          this.#primaryAnsweredAt = clock.monotonic();
          this.#primaryIsLost = false;
        },
        onLost: () => {
          this.#primaryIsLost = true;
          this.#lookNow.abort();
        },
      }),
    );
    if (fallback !== undefined) this.#loops.push(this.#watchPrimary(fallback, startedAt));
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#lookNow.abort();
    await Promise.all(this.#loops);
  }

  /** The whole list has been merged at least once. */
  get synced(): boolean {
    return this.#answeredAt !== Number.NEGATIVE_INFINITY;
  }

  get size(): number {
    return this.#index.size;
  }

  get lagMs(): number | undefined {
    return this.#lagMs;
  }

  ageMs(): number {
    return this.#options.clock.monotonic() - this.#answeredAt;
  }

  find(token: VerifiedToken): RevocationEntry | undefined {
    return this.#index.find(token);
  }

  async #followForever(
    feed: RevocationFeed,
    name: string,
    signal: AbortSignal,
    { onAnswer, onLost }: { onAnswer?: () => void; onLost?: () => void } = {},
  ): Promise<void> {
    const { clock, logger, reconnectMs } = this.#options;
    let isSaid = false; // it is tried twice a second: an outage is one line
    const answered = (): void => {
      if (isSaid) logger.info({ feed: name }, 'revocation feed is back');
      isSaid = false;
      onAnswer?.();
    };
    while (!signal.aborted) {
      try {
        await feed.follow(this.#sink(answered), signal);
      } catch (err) {
        if (!signal.aborted && !isSaid) logger.warn({ err, feed: name }, 'revocation feed lost');
        isSaid = true;
        onLost?.();
      }
      if (!signal.aborted) await pause(clock, reconnectMs, signal);
    }
  }

  /** A connection's answers count only once its whole list is in: before that the copy may lack entries. */
  #sink(onAnswer: () => void): RevocationSink {
    let synced = false;
    const answered = (): void => {
      if (!synced) return;
      this.#answeredAt = this.#options.clock.monotonic();
      onAnswer();
    };
    return {
      merge: (entries, publishedAtMs) => {
        for (const entry of entries) {
          this.#index.merge(entry);
          this.#options.onEntry(entry);
        }
        // Two clocks: a difference below zero says nothing more than that it was soon.
        if (publishedAtMs !== undefined) this.#lagMs = Math.max(this.#options.clock.now() - publishedAtMs, 0);
      },
      synced: () => {
        synced = true;
        answered();
      },
      answered,
    };
  }

  async #watchPrimary(fallback: RevocationFeed, startedAt: number): Promise<void> {
    const { clock, silenceMs } = this.#options;
    const stopped = this.#stopped.signal;
    let following: { abort: AbortController; ended: Promise<void> } | undefined;
    while (!stopped.aborted) {
      await pause(clock, WATCH_EVERY_MS, this.#lookNow.signal);
      if (this.#lookNow.signal.aborted && !stopped.aborted) this.#lookNow = new AbortController();
      const silentMs = clock.monotonic() - Math.max(this.#primaryAnsweredAt, startedAt);
      // One that broke off may have died with an entry that it had not passed on; silence alone may be a slow network.
      const isNeeded = this.#primaryIsLost || silentMs > silenceMs;
      if (isNeeded && following === undefined) {
        const abort = new AbortController();
        const signal = AbortSignal.any([abort.signal, stopped]);
        following = { abort, ended: this.#followForever(fallback, 'fallback', signal) };
      } else if (!isNeeded && following !== undefined) {
        following.abort.abort();
        await following.ended;
        following = undefined;
      }
    }
    await following?.ended;
  }

  async #sweepNowAndThen(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await pause(clock, SWEEP_EVERY_MS, this.#stopped.signal);
      this.#index.sweep(clock.now(), SWEPT_AT_ONCE);
    }
  }
}
