import type { Worker } from 'node:cluster';
import type { WorkerState } from '../../contracts/admin-api.js';
import type { MetricFamily } from '../adapters/metrics.js';
import { Channel, type Handlers, type Port } from './channel.js';
import type { SharedConfig, ToPrimary, ToWorker } from './messages.js';

/** A worker as the primary sees it. */
export class WorkerProcess {
  /** From 1 up; one that takes another's place has its number. */
  readonly number: number;
  readonly pid: number;
  readonly channel: Channel<ToWorker, ToPrimary>;
  /** How it ended: `exit code 0`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  /** `starting` until it listens, `leaving` from the moment that it is told to stop. */
  state: WorkerState['state'] = 'starting';
  hasEnded = false;
  /** What it goes by, or will once it is ready. */
  config: SharedConfig;
  /** As last collected. */
  metrics: MetricFamily[] = [];
  readonly #worker: Worker;

  constructor(number: number, worker: Worker, config: SharedConfig, handlers: Handlers<ToPrimary>) {
    this.number = number;
    this.pid = worker.process.pid ?? 0;
    this.config = config;
    this.#worker = worker;
    this.channel = new Channel<ToWorker, ToPrimary>('primary', worker.process as unknown as Port, handlers);
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.hasEnded = true;
        resolve(how);
      };
      worker.once('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
      // It could not be started at all, or not be sent anything: then it is of no use.
      worker.on('error', ({ message }) => {
        if (worker.process.pid === undefined) end(message);
        else this.kill();
      });
    });
  }

  /** Of no use to anybody any more. */
  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  /** Drains it. What is not over after `graceMs` is cut. */
  async leave(graceMs: number): Promise<void> {
    this.state = 'leaving';
    const cut = setTimeout(() => this.kill(), graceMs);
    try {
      this.metrics = await this.channel.ask('stop', null);
      this.channel.tell('exit', null);
    } catch {
      this.kill();
    }
    await this.ended;
    clearTimeout(cut);
  }
}
