import type { ConfigHistoryReport, ConfigReload, ConfigState } from '../../contracts/admin-api.js';
import type { Clock } from '../../kit/clock.js';
import { logWarnings } from '../../kit/config/log-warnings.js';
import type { Logger } from '../../kit/logger.js';
import type { GatewayOptions } from '../options.js';
import type { ConfigHistory } from './config-history.js';
import { configWarnings } from './config-warnings.js';
import type { InForce } from './in-force.js';
import { materialFiles, readMaterial } from './material-files.js';
import { problemsOf } from './reload-problems.js';

export interface ConfigReloaderOptions {
  inForce(): InForce;
  /** Makes a config ready and puts it in force, or rejects and changes nothing. */
  apply(options: GatewayOptions): Promise<{ issuersWithoutKeys: string[] }>;
  history: ConfigHistory;
  /** Told which files matter, whenever that changes. */
  watch(paths: readonly string[]): void;
  clock: Clock;
  logger: Logger;
}

type Trigger = ConfigReload['trigger'];
type Result = ConfigReload['result'];
type Attempt = Pick<ConfigReload, 'result'> &
  Partial<Pick<ConfigReload, 'problems' | 'issuers_without_keys'>> & { err?: unknown };

/**
 * Puts changed configs in force, one after the other, all or nothing. Whatever goes wrong leaves the last good config in
 * force, and is told by log, state and metrics until it is put right.
 */
export class ConfigReloader {
  readonly #options: ConfigReloaderOptions;
  readonly #file: string;
  readonly #counts: Record<Result, number> = { applied: 0, unchanged: 0, refused: 0 };
  #origin: ConfigState['origin'] = 'file';
  #since: number;
  #last: ConfigReload;
  #lastGoodAt: number;
  /** The texts on disk when they were last read; undefined while they cannot be. */
  #onDisk: string | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigReloaderOptions) {
    this.#options = options;
    const config = options.inForce().options;
    this.#file = config.file;
    this.#since = options.clock.now();
    this.#lastGoodAt = this.#since;
    this.#onDisk = textsOf(config);
    this.#last = this.#report('start', this.#version, { result: 'applied' });
    void this.#keep();
    this.#watch();
  }

  /** Of all attempts but the start. */
  get counts(): Readonly<Record<Result, number>> {
    return this.#counts;
  }

  /** Unix milliseconds of the last attempt that was not refused. */
  get lastGoodAt(): number {
    return this.#lastGoodAt;
  }

  get state(): ConfigState {
    return {
      version: this.#version,
      origin: this.#origin,
      in_force_since: new Date(this.#since).toISOString(),
      file: this.#file,
      differs_from_file: this.#onDisk !== textsOf(this.#options.inForce().options),
      last_reload: this.#last,
    };
  }

  get historyReport(): ConfigHistoryReport {
    const versions = this.#options.history.list().map(({ version, at, texts }) => ({
      version,
      at,
      files: texts.map(({ file }) => file),
      in_force: version === this.#version,
    }));
    return { in_force: this.state, versions };
  }

  /** Reads the file again. Never rejects: what is wrong stands in the report. */
  reload(trigger: 'file' | 'signal' | 'admin'): Promise<ConfigReload> {
    return this.#attempt(trigger, () => this.#readAndApply(trigger));
  }

  /** Puts an earlier version in force; by default the one kept before the present one. Never rejects. */
  rollback(version?: string): Promise<ConfigReload> {
    return this.#attempt('rollback', () => this.#rollBack(version));
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#queue;
    await this.#options.history.settled();
  }

  get #version(): string {
    return this.#options.inForce().snapshot.version;
  }

  #attempt(trigger: Trigger, run: () => Promise<Attempt>): Promise<ConfigReload> {
    const attempt = this.#queue.then(async () => {
      const previous = this.#version;
      const outcome = await run().catch(
        (err: unknown): Attempt => ({ result: 'refused', problems: problemsOf(err), err }),
      );
      if (outcome.result === 'refused') await this.#renewMaterial();
      this.#watch();
      this.#last = this.#report(trigger, previous, outcome);
      this.#counts[outcome.result] += 1;
      if (outcome.result !== 'refused') this.#lastGoodAt = this.#options.clock.now();
      this.#log(this.#last, outcome.err);
      return this.#last;
    });
    this.#queue = attempt;
    return attempt;
  }

  async #readAndApply(trigger: Trigger): Promise<Attempt> {
    const inForce = this.#options.inForce();
    const before = this.#onDisk;
    const read = this.#readFile();
    // After a rollback a changed certificate is no reason to go back to a file that is as it was.
    const isRolledBack = this.#origin === 'rollback' && trigger === 'file' && this.#onDisk === before;
    const next = isRolledBack ? asItIsNow(inForce.options) : read;
    const isUnchanged =
      textsOf(next) === textsOf(inForce.options) && readMaterial(next).all === inForce.material.all;
    if (isUnchanged) {
      if (!isRolledBack) this.#origin = 'file';
      return { result: 'unchanged' };
    }
    return this.#apply(next, isRolledBack ? 'rollback' : 'file');
  }

  async #rollBack(wanted: string | undefined): Promise<Attempt> {
    const { history, inForce } = this.#options;
    const kept = history.find(wanted, this.#version);
    try {
      this.#readFile();
    } catch {
      // What is on disk may well be broken: that is a reason to roll back.
    }
    const texts = kept.texts.map(({ file, text }) => ({ file: `${file}@${kept.version}`, text }));
    const next = inForce().options.withTexts(`${this.#file}@${kept.version}`, texts);
    return this.#apply(next, textsOf(next) === this.#onDisk ? 'file' : 'rollback');
  }

  async #apply(next: GatewayOptions, origin: ConfigState['origin']): Promise<Attempt> {
    // Files that only the new config names may be what is missing.
    this.#watch(next);
    const { issuersWithoutKeys } = await this.#options.apply(next);
    this.#origin = origin;
    this.#since = this.#options.clock.now();
    if (origin === 'file') void this.#keep();
    return { result: 'applied', issuers_without_keys: issuersWithoutKeys };
  }

  #readFile(): GatewayOptions {
    this.#onDisk = undefined;
    const read = this.#options.inForce().options.readAgain();
    this.#onDisk = textsOf(read);
    return read;
  }

  /** A config that is refused must not keep certificates from being renewed. */
  async #renewMaterial(): Promise<void> {
    const { inForce, apply, logger } = this.#options;
    const { options, material } = inForce();
    if (readMaterial(options).all === material.all) return;
    try {
      await apply(asItIsNow(options));
      logger.info({ version: this.#version }, 'certificates and keys renewed for the config in force');
    } catch (err) {
      logger.error({ err }, 'certificates and keys not renewed; the last good ones stay');
    }
  }

  #keep(): Promise<void> {
    const { history, inForce } = this.#options;
    const { options, snapshot } = inForce();
    const at = new Date(this.#since).toISOString();
    return history.keep({ version: snapshot.version, at, texts: [...options.texts] });
  }

  #watch(...others: GatewayOptions[]): void {
    const configs = [this.#options.inForce().options, ...others];
    const files = configs.flatMap(materialFiles);
    this.#options.watch([...new Set([this.#file, ...files])]);
  }

  #report(trigger: Trigger, previous: string, attempt: Attempt): ConfigReload {
    const { result, problems = [], issuers_without_keys = [] } = attempt;
    const now = this.#options.clock.now();
    const warnings = result === 'refused' ? [] : configWarnings(this.#options.inForce().options, now);
    if (result === 'applied') logWarnings(this.#options.logger, warnings);
    return {
      ...{ result, trigger, at: new Date(now).toISOString(), version: this.#version, previous },
      ...{ problems, warnings, issuers_without_keys },
    };
  }

  #log(
    { result, trigger, version, previous, problems, issuers_without_keys }: ConfigReload,
    err: unknown,
  ): void {
    const { logger } = this.#options;
    const line = { trigger, version, previous };
    if (result === 'refused') {
      const cause = problems.some(({ code }) => code === 'config_internal_error') ? { err } : {};
      const told = problems.map(({ file, line: row, column, code, message }) => ({
        at: `${file}:${row}:${column}`,
        code,
        message,
      }));
      logger.error({ ...line, problems: told, ...cause }, 'config refused; the last good one stays in force');
    } else if (issuers_without_keys.length > 0) {
      logger.warn(
        { ...line, issuers: issuers_without_keys },
        'config applied; these issuers have no keys yet',
      );
    } else logger.info(line, `config ${result}`);
  }
}

/** What the files said, whatever they are called. */
function textsOf({ texts }: GatewayOptions): string {
  return JSON.stringify(texts.map(({ text }) => text));
}

/** The same texts with the secrets that their files hold by now. */
function asItIsNow({ file, texts, withTexts }: GatewayOptions): GatewayOptions {
  return withTexts(file, texts);
}
