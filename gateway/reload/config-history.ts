import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { closest } from '../../kit/closest.js';
import type { ConfigText } from '../../kit/config-file.js';
import type { Logger } from '../../kit/logger.js';
import { writeFileAtomic } from '../../kit/write-file-atomic.js';

/** A config that was in force, as its files had it: what they took from the environment is not in it. */
export interface KeptConfig {
  version: string;
  /** ISO 8601: when it was last put in force. */
  at: string;
  texts: ConfigText[];
}

/** No such version is kept. */
export class UnknownVersionError extends Error {}

const KEPT = 10;

/** Beside the kept keys. Without a `keys_dir` the history ends with the process. */
export function historyFolder(keysDir: string | undefined): string | undefined {
  return keysDir === undefined ? undefined : join(dirname(resolve(keysDir)), 'config-history');
}

/** The last ten good configs, in memory and, each as a file for its owner only, in a folder. */
export class ConfigHistory {
  readonly #dir: string | undefined;
  readonly #logger: Logger;
  /** The newest first. */
  #kept: KeptConfig[];
  #saving: Promise<void> = Promise.resolve();

  private constructor(dir: string | undefined, logger: Logger, kept: KeptConfig[]) {
    this.#dir = dir;
    this.#logger = logger;
    this.#kept = kept;
  }

  /** Takes up what earlier processes have left; a file that cannot be read is left out. */
  static async open(dir: string | undefined, logger: Logger): Promise<ConfigHistory> {
    const files = dir === undefined ? [] : await readdir(dir).catch(() => []);
    const read = await Promise.all(
      files.filter((file) => file.endsWith('.json')).map((file) => readKept(join(dir ?? '', file))),
    );
    const kept = read.filter((entry) => entry !== undefined);
    kept.sort((one, other) => other.at.localeCompare(one.at));
    return new ConfigHistory(dir, logger, kept.slice(0, KEPT));
  }

  list(): readonly KeptConfig[] {
    return this.#kept;
  }

  /** That version, or the one that was in force before `present`. Throws UnknownVersionError where there is none. */
  find(version: string | undefined, present: string): KeptConfig {
    const before = this.#kept.findIndex((entry) => entry.version === present) + 1;
    const found =
      version === undefined ? this.#kept[before] : this.#kept.find((entry) => entry.version === version);
    if (found !== undefined) return found;
    if (version === undefined) throw new UnknownVersionError(`no version is kept from before ${present}`);
    const versions = this.#kept.map((entry) => entry.version);
    const guess = closest(version, versions);
    const hint = guess === undefined ? `kept are ${versions.join(', ')}` : `did you mean ${guess}?`;
    throw new UnknownVersionError(`no version ${version} is kept: ${hint}`);
  }

  /** In the background: a disk that is full is no reason to refuse a config. Never rejects. */
  keep(entry: KeptConfig): Promise<void> {
    const all = [entry, ...this.#kept.filter(({ version }) => version !== entry.version)];
    this.#kept = all.slice(0, KEPT);
    this.#saving = this.#saving.then(() => this.#save(entry, all.slice(KEPT)));
    return this.#saving;
  }

  /** Resolves when what was to be written is written. */
  settled(): Promise<void> {
    return this.#saving;
  }

  async #save(entry: KeptConfig, dropped: readonly KeptConfig[]): Promise<void> {
    if (this.#dir === undefined) return;
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      await writeFileAtomic(join(this.#dir, `${entry.version}.json`), JSON.stringify(entry));
      for (const { version } of dropped) await rm(join(this.#dir, `${version}.json`), { force: true });
    } catch (err) {
      this.#logger.warn({ err }, 'the config could not be kept for a rollback after a restart');
    }
  }
}

async function readKept(path: string): Promise<KeptConfig | undefined> {
  try {
    const { version, at, texts } = JSON.parse(await readFile(path, 'utf8')) as Partial<KeptConfig>;
    const isWhole =
      /^[0-9a-f]{1,64}$/.test(version ?? '') && !Number.isNaN(Date.parse(at ?? '')) && Array.isArray(texts);
    return isWhole ? ({ version, at, texts } as KeptConfig) : undefined;
  } catch {
    return undefined;
  }
}
