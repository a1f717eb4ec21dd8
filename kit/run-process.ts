import { StartupError } from './startup-error.js';

/** Something that runs until it is stopped. */
export interface Running {
  /** Resolves when everything that was started has ended. */
  stop(): Promise<void>;
}

/**
 * The life of a process: start, run until SIGINT or SIGTERM, stop cleanly, exit 0. What the operator has to put right
 * (StartupError) is told on standard error and exit code 1. A second signal ends a stop that hangs, with 130.
 */
export async function runProcess(start: () => Promise<Running>): Promise<void> {
  let running: Running | undefined;
  let stopRequested = false;
  const stop = (): void => {
    if (stopRequested) process.exit(130);
    stopRequested = true;
    if (running !== undefined) void finish(running);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    running = await start();
  } catch (error) {
    fail(error);
  }
  if (stopRequested) await finish(running);
}

async function finish(running: Running): Promise<never> {
  try {
    await running.stop();
  } catch (error) {
    fail(error);
  }
  process.exit(0);
}

function fail(error: unknown): never {
  const text = error instanceof StartupError ? error.detail : ((error as Error).stack ?? String(error));
  process.stderr.write(`gatehouse: ${text}\n`);
  process.exit(1);
}
