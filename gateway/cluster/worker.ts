import { systemClock } from '../../kit/clock.js';
import { ConfigError, type ConfigProblem, type Env } from '../../kit/config-file.js';
import { Lifecycle } from '../../kit/lifecycle.js';
import { createLogger } from '../../kit/logger.js';
import type { MetricFamily } from '../adapters/metrics.js';
import { limitKeyDigest } from '../adapters/redis-limit-store.js';
import { gatewayConfigOf } from '../options.js';
import { whenReady } from '../readiness.js';
import type { PreparedConfig } from '../reload/prepare-config.js';
import { createServing, type Serving } from '../serving.js';
import { Channel, type Handlers, type Port } from './channel.js';
import type { ListenOrder, SharedConfig, StartOrder, ToPrimary, ToWorker } from './messages.js';
import { type KeyPrimary, KeyRelay } from './relayed-keys.js';
import { shareOf } from './share-of.js';

/** What a terminal sends to all processes at once: the primary decides, and tells the workers. */
const SIGNALS_OF_THE_PRIMARY: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];

/** One of several processes that serve together. It does what the primary says, and ends when the primary is gone. */
export function runWorker({ configPath, env }: { configPath: string; env: Env }): void {
  for (const signal of SIGNALS_OF_THE_PRIMARY) process.on(signal, () => undefined);
  process.once('disconnect', () => process.exit(1));
  const worker = new Worker(configPath, env, process as Port);
  worker.serve();
}

class Worker {
  readonly #configPath: string;
  readonly #env: Env;
  readonly #port: Port;
  readonly #lifecycle = new Lifecycle();
  readonly #relay: KeyRelay;
  #channel: Channel<ToPrimary, ToWorker> | undefined;
  #started: Promise<Serving> = Promise.reject(new Error('this worker has not been started'));
  #prepared: PreparedConfig | undefined;

  constructor(configPath: string, env: Env, port: Port) {
    this.#configPath = configPath;
    this.#env = env;
    this.#port = port;
    this.#started.catch(() => undefined);
    const keyPrimary: KeyPrimary = {
      missing: (id, kid) => this.#primary.ask('missingKey', { id, kid }),
      revoked: (id, kid, expS) => this.#primary.tell('keyRevoked', { id, kid, expS }),
    };
    this.#relay = new KeyRelay(keyPrimary, systemClock);
  }

  serve(): void {
    const handlers: Handlers<ToWorker> = {
      start: async (order) => {
        this.#started = this.#start(order);
        await this.#started;
        return null;
      },
      listen: (order) => this.#listen(order),
      prepare: (config) => this.#prepare(config),
      commit: async () => {
        const serving = await this.#started;
        if (this.#prepared !== undefined) serving.adopt(this.#prepared);
        this.#prepared = undefined;
        return null;
      },
      discard: async () => {
        await this.#prepared?.discard();
        this.#prepared = undefined;
        return null;
      },
      keys: (set) => {
        this.#relay.receive(set);
        return null;
      },
      alive: () => null,
      readiness: async () => (await this.#started).readiness(),
      metrics: async () => (await this.#started).metrics.collect(),
      explain: async (asked) => (await this.#started).explain(asked),
      stop: () => this.#stop(),
      exit: () => process.exit(0),
    };
    this.#channel = new Channel<ToPrimary, ToWorker>('worker', this.#port, handlers);
  }

  get #primary(): Channel<ToPrimary, ToWorker> {
    if (this.#channel === undefined) throw new Error('this worker is not connected');
    return this.#channel;
  }

  async #start({ worker, workers, config, assertionSecret }: StartOrder): Promise<Serving> {
    this.#relay.receiveAll(config.keys);
    const options = gatewayConfigOf(this.#configPath, this.#env, config.file, config.texts);
    const logger = createLogger('gateway', { level: options.value.log?.level ?? 'info', worker });
    const serving = await createServing(this.#lifecycle, options, {
      clock: systemClock,
      logger,
      worker: {
        shareOf: (whole) => shareOf(whole, workers),
        makeKeySet: (id, keySet) => this.#relay.make(id, keySet),
        limits: {
          tell: (cells) =>
            this.#primary.ask(
              'limits',
              cells.map((cell) => ({ ...cell, key: limitKeyDigest(cell.key) })),
            ),
          close: () => undefined,
        },
        assertionSecret,
      },
    });
    serving.follow();
    return serving;
  }

  async #listen({ whenReady: waits, withinMs }: ListenOrder): Promise<string> {
    const serving = await this.#started;
    if (waits) await whenReady(() => serving.readiness(), systemClock, withinMs ?? Number.POSITIVE_INFINITY);
    return serving.listen();
  }

  async #prepare({ file, texts, keys }: SharedConfig): Promise<ConfigProblem[]> {
    const serving = await this.#started;
    await this.#prepared?.discard();
    this.#prepared = undefined;
    this.#relay.receiveAll(keys);
    try {
      this.#prepared = await serving.prepare(serving.live.current.options.withTexts(file, texts));
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return [...error.problems];
    }
  }

  async #stop(): Promise<MetricFamily[]> {
    const serving = await this.#started.catch(() => undefined);
    await this.#lifecycle.stop();
    return (await serving?.metrics.collect()) ?? [];
  }
}
