/**
 * What has been started, so that it can be stopped in reverse order. A start that fails half-way stops what it had
 * started; a stop that fails does not keep the rest from stopping.
 */
export class Lifecycle {
  readonly #stops: { name: string; stop: () => Promise<void> | void }[] = [];
  #stopping: Promise<void> | undefined;

  /** Registers how to stop something that has just started. */
  onStop(name: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ name, stop });
  }

  /** Stops everything once, last started first. Rejects with all failures after every stop was tried. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const { name, stop } of this.#stops.reverse()) {
      try {
        await stop();
      } catch (cause) {
        failures.push(new Error(`stopping ${name} failed`, { cause }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some parts did not stop cleanly');
  }
}

/** Runs `start`; when it fails, stops what it had registered and rethrows the start's own error. */
export async function startAll<T>(start: (lifecycle: Lifecycle) => Promise<T>): Promise<T> {
  const lifecycle = new Lifecycle();
  try {
    return await start(lifecycle);
  } catch (error) {
    await lifecycle.stop().catch(() => undefined);
    throw error;
  }
}
