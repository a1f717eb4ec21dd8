import { type Clock, pause } from '../../kit/clock.js';
import type { ConfigProblem } from '../../kit/config-file.js';
import type { Logger } from '../../kit/logger.js';
import { StartupError } from '../../kit/startup-error.js';
import type { SharedConfig, SharedKeys, StartOrder } from './messages.js';
import type { WorkerProcess } from './worker-process.js';

export interface WorkerPoolDeps {
  workers: number;
  assertionSecret: Uint8Array;
  fork(number: number, config: SharedConfig): WorkerProcess;
  /** What a new one is to go by. */
  config(): SharedConfig;
  /** How long one may take to drain. */
  graceMs(): number;
  /** Told of each when it has ended, expected or not. */
  onEnd(worker: WorkerProcess): void;
  clock: Clock;
  logger: Logger;
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;
/** After as long without a crash the next one counts as the first. */
const CALM_MS = 60_000;
/** For one that takes another's place in a rolling restart. */
const READY_WITHIN_MS = 30_000;
const PREPARE_WITHIN_MS = 20_000;
const COMMIT_WITHIN_MS = 5000;

interface Place {
  number: number;
  worker: WorkerProcess | undefined;
  crashes: number;
  startedAt: number;
}

/** The workers: started, replaced when they crash, restarted one after the other, and stopped. */
export class WorkerPool {
  /** That ended without having been told to. */
  crashes = 0;
  /** All have served once. */
  hasStarted = false;
  readonly #deps: WorkerPoolDeps;
  readonly #places: Place[];
  readonly #alive = new Set<WorkerProcess>();
  readonly #prepared = new Set<WorkerProcess>();
  readonly #stopped = new AbortController();
  #restarting: Promise<void> | undefined;

  constructor(deps: WorkerPoolDeps) {
    this.#deps = deps;
    this.#places = Array.from({ length: deps.workers }, (_, index) => ({
      number: index + 1,
      worker: undefined,
      crashes: 0,
      startedAt: Number.NEGATIVE_INFINITY,
    }));
  }

  /** All that run, those that start or leave too. */
  get alive(): readonly WorkerProcess[] {
    return [...this.#alive].sort((one, other) => one.number - other.number);
  }

  get serving(): readonly WorkerProcess[] {
    return this.alive.filter(({ state }) => state === 'serving');
  }

  /** Resolves with the public URL when all listen. Rejects with a StartupError when one cannot. */
  async start(): Promise<string> {
    const urls = await Promise.all(
      this.#places.map(async (place) => {
        const worker = this.#fork(place.number);
        try {
          const url = await this.#begin(worker, { whenReady: false, withinMs: null });
          this.#take(place, worker);
          return url;
        } catch (error) {
          throw new StartupError((error as Error).message, { cause: error });
        }
      }),
    );
    this.hasStarted = true;
    return urls[0] ?? '';
  }

  /** One after the other: a new one first, and when it serves the old one drains. Never rejects. */
  restart(): Promise<void> {
    this.#restarting ??= this.#restartAll().finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    const graceMs = this.#deps.graceMs();
    await Promise.all(this.alive.map((worker) => worker.leave(graceMs)));
  }

  tellAll(set: SharedKeys): void {
    for (const { channel } of this.#alive) channel.tell('keys', set);
  }

  /** Has all of them make it ready; resolves with what any of them finds wrong. One that is gone has no say. */
  async prepare(config: SharedConfig): Promise<ConfigProblem[]> {
    this.#prepared.clear();
    const answers = await Promise.all(
      this.#present().map(async (worker) => {
        try {
          const problems = await worker.channel.ask('prepare', config, PREPARE_WITHIN_MS);
          this.#prepared.add(worker);
          return problems;
        } catch (error) {
          if (worker.hasEnded) return [];
          throw error;
        }
      }),
    );
    return answers.find((problems) => problems.length > 0) ?? [];
  }

  discard(): void {
    for (const { channel } of this.#alive) channel.tell('discard', null);
  }

  /** Puts it in force. Which worker does not go along is replaced by one that goes by it from its start. */
  async commit(config: SharedConfig): Promise<void> {
    await Promise.all(
      this.#present().map(async (worker) => {
        try {
          // One that has come since begins with what was in force then.
          if (!this.#prepared.has(worker)) {
            const problems = await worker.channel.ask('prepare', config, PREPARE_WITHIN_MS);
            if (problems.length > 0) throw new Error('it refuses the config that the others have taken');
          }
          await worker.channel.ask('commit', null, COMMIT_WITHIN_MS);
          worker.config = config;
        } catch (err) {
          if (worker.hasEnded) return;
          this.#deps.logger.error(
            { err, worker: worker.number, pid: worker.pid },
            'worker ended: it did not take up the config',
          );
          worker.kill();
        }
      }),
    );
  }

  #present(): WorkerProcess[] {
    return this.alive.filter(({ state }) => state !== 'leaving');
  }

  #fork(number: number): WorkerProcess {
    const { fork, config, onEnd } = this.#deps;
    const worker = fork(number, config());
    this.#alive.add(worker);
    void worker.ended.then(() => {
      this.#alive.delete(worker);
      onEnd(worker);
    });
    return worker;
  }

  /** Resolves when it serves; else it is ended, and why is thrown. */
  async #begin(
    worker: WorkerProcess,
    order: { whenReady: boolean; withinMs: number | null },
  ): Promise<string> {
    const { workers, assertionSecret } = this.#deps;
    const start: StartOrder = { worker: worker.number, workers, config: worker.config, assertionSecret };
    try {
      await worker.channel.ask('start', start);
      const url = await worker.channel.ask('listen', order);
      worker.state = 'serving';
      return url;
    } catch (error) {
      worker.kill();
      await worker.ended;
      throw error;
    }
  }

  /** From here on it is replaced should it crash. */
  #take(place: Place, worker: WorkerProcess): void {
    place.worker = worker;
    place.startedAt = this.#deps.clock.monotonic();
    void worker.ended.then((how) => {
      if (place.worker !== worker) return;
      place.worker = undefined;
      void this.#replace(place, worker, how);
    });
  }

  async #replace(place: Place, { pid }: WorkerProcess, how: string): Promise<void> {
    const { clock, logger } = this.#deps;
    const { signal } = this.#stopped;
    if (clock.monotonic() - place.startedAt > CALM_MS) place.crashes = 0;
    let why: { how: string } | { err: unknown } = { how };
    while (!signal.aborted) {
      this.crashes += 1;
      const delayMs = Math.min(FIRST_DELAY_MS * 2 ** place.crashes++, MAX_DELAY_MS);
      const { number: worker } = place;
      logger.error(
        { worker, pid, ...why, crashes: place.crashes, delayMs },
        'worker crashed; another takes its place',
      );
      await pause(clock, delayMs, signal);
      if (signal.aborted) return;
      const next = this.#fork(place.number);
      try {
        // While others serve it waits until it can; alone it says itself what it cannot do.
        await this.#begin(next, { whenReady: this.serving.length > 0, withinMs: null });
        logger.warn({ worker, pid: next.pid }, 'worker replaced');
        this.#take(place, next);
        return;
      } catch (err) {
        why = { err };
      }
    }
  }

  async #restartAll(): Promise<void> {
    const { logger, graceMs } = this.#deps;
    logger.info('workers are restarted, one after the other');
    for (const place of this.#places) {
      const { worker: old } = place;
      // One that has crashed is being replaced anyway.
      if (old === undefined || this.#stopped.signal.aborted) continue;
      const next = this.#fork(place.number);
      try {
        await this.#begin(next, { whenReady: true, withinMs: READY_WITHIN_MS });
      } catch (err) {
        if (this.#stopped.signal.aborted) return;
        logger.error(
          { err, worker: place.number },
          'restart given up: the new worker is no good; the old ones go on',
        );
        return;
      }
      if (this.#stopped.signal.aborted) return;
      this.#take(place, next);
      if (!old.hasEnded) await old.leave(graceMs());
    }
    logger.info('all workers have been restarted');
  }
}
