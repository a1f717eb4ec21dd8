import type { Logger } from '../../../kit/logger.js';
import type { Target, TargetState } from './target.js';

/** What an upstream has gone through: counted, and logged where somebody may want to look. Outlives reloads. */
export class UpstreamRecord {
  readonly upstream: string;
  readonly #logger: Logger | undefined;
  /** Sent again, within the budget. */
  retries = 0;
  /** Not sent again, since the budget was used up. */
  overBudget = 0;
  /** Gone on to another target, since there was no connection to the first. */
  passedOver = 0;
  ejections = 0;
  circuitOpened = 0;
  /** Of the targets that the config in force names. */
  urls: ReadonlySet<string> = new Set();
  readonly checks = { good: 0, bad: 0 };
  /** By the target's URL: no answer, or 502, 503, 504. */
  readonly failures = new Map<string, number>();

  constructor(upstream: string, logger?: Logger) {
    this.upstream = upstream;
    this.#logger = logger;
  }

  failed({ url }: Target): void {
    this.failures.set(url, (this.failures.get(url) ?? 0) + 1);
  }

  moved(target: Target, before: TargetState): void {
    const { state } = target;
    if (state === 'ejected') {
      this.ejections += 1;
      this.#logger?.warn(this.#facts(target), 'a target is left out: it failed too often in a row');
    } else if (state === 'in' && before !== 'suspected')
      this.#logger?.info(this.#facts(target), 'a target takes requests again');
    else this.#logger?.debug({ ...this.#facts(target), state }, 'a target has one request at a time');
  }

  checked(isGood: boolean): void {
    this.checks[isGood ? 'good' : 'bad'] += 1;
  }

  healthChanged(target: Target): void {
    if (target.healthy) this.#logger?.info(this.#facts(target), 'a target passes its health checks again');
    else this.#logger?.warn(this.#facts(target), 'a target is left out: it fails its health checks');
  }

  circuitChanged(isOpen: boolean): void {
    const facts = { upstream: this.upstream };
    if (isOpen) {
      this.circuitOpened += 1;
      this.#logger?.warn(facts, 'an upstream is not asked for a while: most of its requests fail');
    } else this.#logger?.info(facts, 'an upstream is asked again');
  }

  #facts({ url, address }: Target): object {
    return { upstream: this.upstream, host: new URL(url).host, address };
  }
}
