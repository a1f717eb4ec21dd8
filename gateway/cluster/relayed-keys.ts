import type { KeySetStatus } from '../../contracts/admin-api.js';
import { type Clock, pause } from '../../kit/clock.js';
import { HeldKeys } from '../adapters/held-keys.js';
import type { JwksCacheOptions } from '../adapters/jwks-cache.js';
import type { KeySet } from '../adapters/key-set.js';
import type { VerificationKey } from '../pipeline/ports.js';
import type { MissingKeyAnswer, SharedKeys } from './messages.js';

/** The primary, which fetches the keys of all issuers for all workers. */
export interface KeyPrimary {
  missing(id: string, kid: string): Promise<MissingKeyAnswer>;
  revoked(id: string, kid: string, expS: number): void;
}

const REQUEST_WAIT_MS = 2000;

/**
 * The keys of one issuer in a worker: held and judged as in a gateway of one process, and fetched by the primary, once
 * for all workers. Without news from there they age, and past `max_staleness` nothing is verified with them.
 */
export class RelayedKeys implements KeySet {
  readonly failuresEver = 0;
  readonly #id: string;
  readonly #options: JwksCacheOptions;
  readonly #primary: KeyPrimary;
  readonly #held: HeldKeys;
  readonly #onStop: () => void;
  readonly #maxStalenessMs: number;
  /** One set after the other. */
  #taking: Promise<void> = Promise.resolve();
  #asking: Promise<MissingKeyAnswer> | undefined;
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #lastAnswer: MissingKeyAnswer['state'] = 'unanswered';

  constructor(id: string, options: JwksCacheOptions, primary: KeyPrimary, onStop: () => void) {
    this.#id = id;
    this.#options = options;
    this.#primary = primary;
    this.#onStop = onStop;
    this.#maxStalenessMs = options.maxStalenessMs ?? 24 * 60 * 60_000;
    const { algorithms, clock } = options;
    const logger = options.logger.child({ issuer: options.name });
    this.#held = new HeldKeys({
      ...{ algorithms, clock, logger, file: undefined },
      maxStalenessMs: this.#maxStalenessMs,
    });
  }

  get name(): string {
    return this.#options.name;
  }

  get issuer(): string {
    return this.#options.issuer;
  }

  get available(): boolean {
    return this.#held.available;
  }

  /** What the primary has by now. A set of which everything has been revoked here changes nothing. */
  take({ keys, ageMs }: SharedKeys): void {
    this.#taking = this.#taking.then(() =>
      this.#held.replace({ keys }, ageMs).catch((err: unknown) => {
        this.#options.logger.warn({ err, issuer: this.name }, 'the keys of the primary process are not used');
      }),
    );
  }

  /** What the primary had when this was made is there. */
  start(): Promise<void> {
    return this.#taking;
  }

  stop(): Promise<void> {
    this.#onStop();
    return this.#taking;
  }

  find(kid: string | undefined): VerificationKey | undefined {
    return this.#held.find(kid);
  }

  isRevoked(kid: string): boolean {
    return this.#held.isRevoked(kid);
  }

  revoke(kid: string, expS: number): void {
    if (this.#held.revoke(kid, expS)) this.#primary.revoked(this.#id, kid, expS);
  }

  async fetchMissing(kid: string): Promise<VerificationKey | 'absent' | 'unanswered'> {
    const { clock } = this.#options;
    if (this.#asking === undefined && clock.monotonic() < this.#askAgainAt)
      return this.find(kid) ?? this.#lastAnswer;
    const waited = new AbortController();
    const state = await Promise.race([
      this.#ask(kid),
      pause(clock, REQUEST_WAIT_MS, waited.signal).then(() => 'unanswered' as const),
    ]);
    waited.abort();
    return this.find(kid) ?? state;
  }

  status(): KeySetStatus {
    const { name, issuer, source } = this.#options;
    const { keys, revoked, ignored, ageMs, available } = this.#held;
    return {
      ...{ name, issuer, source, available },
      keys: keys.map(({ kid, alg }) => ({ kid, alg })),
      revoked: [...revoked],
      ignored: ignored.map(({ kid = null, reason }) => ({ kid, reason })),
      age_ms: Number.isFinite(ageMs) ? Math.round(ageMs) : null,
      max_staleness_ms: this.#maxStalenessMs,
      ...{ next_refresh_ms: null, failures: 0, last_failure: null },
    };
  }

  /** One question at a time: the primary fetches the whole set, whoever asks for which key. Never rejects. */
  async #ask(kid: string): Promise<MissingKeyAnswer['state']> {
    this.#asking ??= this.#primary
      .missing(this.#id, kid)
      .catch((): MissingKeyAnswer => ({ state: 'unanswered', againInMs: 0 }))
      .finally(() => {
        this.#asking = undefined;
      });
    const { state, againInMs } = await this.#asking;
    this.#askAgainAt = this.#options.clock.monotonic() + againInMs;
    this.#lastAnswer = state;
    // Keys that were fetched for this have been sent ahead of the answer.
    await this.#taking;
    return state;
  }
}

/** All of them in a worker, and what the primary has sent for those to come. */
export class KeyRelay {
  readonly #primary: KeyPrimary;
  readonly #clock: Clock;
  readonly #sets = new Map<string, RelayedKeys>();
  #sent = new Map<string, { set: SharedKeys; at: number }>();

  constructor(primary: KeyPrimary, clock: Clock) {
    this.#primary = primary;
    this.#clock = clock;
  }

  /** Everything that the primary has; what is not among it is not needed any more. */
  receiveAll(sets: readonly SharedKeys[]): void {
    this.#sent = new Map();
    for (const set of sets) this.receive(set);
  }

  receive(set: SharedKeys): void {
    this.#sent.set(set.id, { set, at: this.#clock.monotonic() });
    this.#sets.get(set.id)?.take(set);
  }

  make(id: string, options: JwksCacheOptions): KeySet {
    const keys: RelayedKeys = new RelayedKeys(id, options, this.#primary, () => {
      if (this.#sets.get(id) === keys) this.#sets.delete(id);
    });
    this.#sets.set(id, keys);
    const sent = this.#sent.get(id);
    if (sent !== undefined)
      keys.take({ ...sent.set, ageMs: sent.set.ageMs + this.#clock.monotonic() - sent.at });
    return keys;
  }
}
