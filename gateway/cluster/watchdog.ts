import type { Clock } from '../../kit/clock.js';
import type { Logger } from '../../kit/logger.js';
import type { Metrics } from '../adapters/metrics.js';
import type { WorkerProcess } from './worker-process.js';

export interface WatchdogDeps {
  alive(): readonly WorkerProcess[];
  clock: Clock;
  logger: Logger;
}

const ROUND_MS = 2000;
const SILENT_ROUNDS = 5;
/** How long one may be silent, which is as long as its event loop may be blocked. */
export const SILENT_MS: number = ROUND_MS * SILENT_ROUNDS;

/**
 * Asks each worker for a sign of life, and kills one that gives none, which then counts as crashed and is replaced. It
 * counts its own rounds, not time: after a suspension of the machine, when all have been silent, each has as long as
 * ever to answer. One a round at most, so that a machine that is too slow for all of them does not lose all at once.
 */
export class Watchdog {
  readonly #deps: WatchdogDeps;
  /** Asked, and for how many rounds without an answer. */
  readonly #silent = new Map<WorkerProcess, number>();
  #killed = 0;
  #cancel: () => void = () => undefined;

  constructor(deps: WatchdogDeps) {
    this.#deps = deps;
  }

  measure(metrics: Metrics): void {
    metrics.add(
      {
        name: 'gatehouse_worker_hangs_total',
        help: 'Workers killed since they gave no sign of life.',
        type: 'counter',
      },
      () => [{ value: this.#killed }],
    );
  }

  start(): void {
    this.#cancel = this.#deps.clock.after(ROUND_MS, () => {
      this.#round();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  #round(): void {
    // Starting and leaving have bounds of their own.
    const serving = this.#deps.alive().filter(({ state }) => state === 'serving');
    for (const worker of serving) {
      const rounds = this.#silent.get(worker);
      if (rounds === undefined) this.#ask(worker);
      else this.#silent.set(worker, rounds + 1);
    }
    const hung = serving.find((worker) => (this.#silent.get(worker) ?? 0) >= SILENT_ROUNDS);
    if (hung !== undefined) this.#kill(hung);
  }

  #ask(worker: WorkerProcess): void {
    this.#silent.set(worker, 0);
    const heard = (): void => void this.#silent.delete(worker);
    // One that is gone gives no answer either, and is no concern of ours any more.
    worker.channel.ask('alive', null).then(heard, heard);
  }

  #kill(worker: WorkerProcess): void {
    this.#silent.delete(worker);
    this.#killed += 1;
    const { number, pid } = worker;
    this.#deps.logger.error(
      { worker: number, pid, silentMs: SILENT_MS },
      'worker killed: it gives no sign of life',
    );
    worker.kill();
  }
}
