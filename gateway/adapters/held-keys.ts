import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { KeptKeys, KeyFile } from './key-file.js';
import { type IgnoredKey, type ParsedKeySet, parseJwks } from './parse-jwks.js';
import { type HeldKey, prepareKeys } from './prepare-keys.js';

export interface HeldKeysOptions {
  algorithms: readonly string[];
  maxStalenessMs: number;
  file: KeyFile | undefined;
  clock: Clock;
  /** Says whose keys they are with each line. */
  logger: Logger;
}

/** A file from later than this is from a clock that was wrong, and its age cannot be told. */
const MAX_CLOCK_STEP_MS = 5 * 60_000;

/** The last good keys of one issuer, in memory and on disk, less those that have been revoked. */
export class HeldKeys {
  readonly #options: HeldKeysOptions;
  #keys: ReadonlyMap<string, HeldKey> = new Map();
  #ignored: readonly IgnoredKey[] = [];
  /** Key ids with the unix seconds at which the revocation may be forgotten. */
  readonly #revoked = new Map<string, number>();
  /** Monotonic, and below zero where the keys are older than the process. */
  #goodAt = Number.NEGATIVE_INFINITY;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: HeldKeysOptions) {
    this.#options = options;
  }

  get keys(): readonly HeldKey[] {
    return [...this.#keys.values()];
  }

  get ignored(): readonly IgnoredKey[] {
    return this.#ignored;
  }

  get revoked(): readonly string[] {
    return [...this.#revoked.keys()];
  }

  /** Since the last good answer; infinite when there was none. */
  get ageMs(): number {
    return this.#options.clock.monotonic() - this.#goodAt;
  }

  get available(): boolean {
    return this.#keys.size > 0 && this.ageMs <= this.#options.maxStalenessMs;
  }

  find(kid: string | undefined): HeldKey | undefined {
    if (kid !== undefined) return this.#keys.get(kid);
    return this.#keys.size === 1 ? this.#keys.values().next().value : undefined;
  }

  isRevoked(kid: string): boolean {
    return this.#revoked.has(kid);
  }

  /** As they outlive the process; undefined where there are none. */
  get kept(): KeptKeys | undefined {
    if (this.#keys.size === 0) return undefined;
    const keys = this.keys.map(({ jwk, kid, alg }) => ({ ...jwk, kid, alg }));
    return { fetchedAt: this.#options.clock.now() - this.ageMs, keys };
  }

  /**
   * Takes a good answer, given `ageMs` ago; a key that is absent from it is gone. Throws on any other and changes nothing.
   */
  async replace(body: unknown, ageMs = 0): Promise<void> {
    const { algorithms, clock, logger } = this.#options;
    const parsed = parseJwks(body, algorithms);
    await this.#hold(parsed, clock.monotonic() - ageMs);
    for (const { kid, reason } of parsed.ignored.filter(({ isSuspicious }) => isSuspicious))
      logger.warn({ kid, reason }, 'the issuer publishes a key that is not used');
    this.#save();
  }

  /** Drops the key for as long as the entry lives, whatever the issuer says. False when that was known. */
  revoke(kid: string, expS: number): boolean {
    const known = this.#revoked.get(kid);
    this.#revoked.set(kid, Math.max(expS, known ?? 0));
    if (known !== undefined) return false;
    if (this.#keys.has(kid)) {
      this.#keys = new Map([...this.#keys].filter(([held]) => held !== kid));
      this.#save();
    }
    return true;
  }

  /** Takes up what an earlier process has left, with its age. What cannot be used is left where it is. */
  async restore(): Promise<void> {
    const { file, algorithms, clock, logger, maxStalenessMs } = this.#options;
    try {
      const kept = await file?.load();
      if (kept === undefined) return;
      const ageMs = clock.now() - kept.fetchedAt;
      if (ageMs < -MAX_CLOCK_STEP_MS) throw new Error('they are from the future');
      if (ageMs > maxStalenessMs) throw new Error('they are too old');
      await this.#hold(parseJwks(kept, algorithms), clock.monotonic() - Math.max(ageMs, 0));
      logger.info({ keys: this.#keys.size, ageMs }, 'took up the last good keys from disk');
    } catch (err) {
      logger.warn({ err }, 'the keys on disk cannot be used');
    }
  }

  /** Resolves when what was to be written is written. */
  settled(): Promise<void> {
    return this.#saving;
  }

  async #hold(parsed: ParsedKeySet, goodAt: number): Promise<void> {
    const prepared = await prepareKeys(parsed.keys, this.#keys);
    this.#forgetOldRevocations();
    // Only now: a revocation may have come while the keys were being prepared.
    const keys = new Map([...prepared].filter(([kid]) => !this.#revoked.has(kid)));
    if (keys.size === 0) throw new Error('all of its keys have been revoked');
    this.#keys = keys;
    this.#ignored = parsed.ignored;
    this.#goodAt = goodAt;
  }

  #forgetOldRevocations(): void {
    const nowS = this.#options.clock.now() / 1000;
    for (const [kid, expS] of this.#revoked) if (expS <= nowS) this.#revoked.delete(kid);
  }

  /** In the background, one after the other: a request never waits for the disk. */
  #save(): void {
    const { file, clock, logger } = this.#options;
    if (file === undefined) return;
    this.#saving = this.#saving.then(async () => {
      try {
        await file.save(this.kept ?? { fetchedAt: clock.now() - this.ageMs, keys: [] });
      } catch (err) {
        logger.warn({ err }, 'the keys could not be kept on disk');
      }
    });
  }
}
