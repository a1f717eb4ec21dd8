/**
 * Time as a dependency. Everything that reads the time or waits takes a Clock, so that tests move time by hand
 * instead of sleeping.
 */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. For token lifetimes and anything that crosses a process. */
  now(): number;
  /** Milliseconds from an arbitrary start that never jump back. For ages, cooldowns and time-outs. */
  monotonic(): number;
  /** Calls `fn` once after `delayMs`. The timer does not keep the process alive. Returns a function that cancels it. */
  after(delayMs: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs` by the given clock, or at once when `signal` aborts. Never rejects. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const finish = () => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
