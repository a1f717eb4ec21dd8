import { saturate } from './load.js';
import type { Started } from './peer.js';
import type { Target } from './target.js';

export interface Measurement {
  cpuMicros: number;
  perSecond: number;
}

/** CPU a request at saturation. Throws with the contender's own last words when it does not answer as it has to. */
export async function measure(
  target: Target,
  started: Started,
  seconds: number,
  loadCpus: string,
): Promise<Measurement> {
  const before = started.cpuSeconds();
  try {
    const { requests, perSecond } = await saturate(target, seconds, loadCpus);
    return { cpuMicros: ((started.cpuSeconds() - before) * 1e6) / requests, perSecond };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${started.lastWords()}`);
  }
}

/** Two measurements of a second differ by less than this once everything is compiled and in its caches. */
const SETTLED = 0.03;

/**
 * Drives a contender until its CPU per request has settled: Node compiles for about ten seconds what it runs.
 * Not before `leastSeconds` and not after `mostSeconds`. Resolves with the seconds that it took.
 */
export async function warmUp(
  target: Target,
  started: Started,
  { leastSeconds, mostSeconds }: { leastSeconds: number; mostSeconds: number },
  loadCpus: string,
): Promise<number> {
  let previous = Number.POSITIVE_INFINITY;
  for (let seconds = 1; ; seconds++) {
    const { cpuMicros } = await measure(target, started, 1, loadCpus);
    const isSettled = Math.abs(cpuMicros - previous) / cpuMicros < SETTLED;
    if (seconds >= mostSeconds || (seconds >= leastSeconds && isSettled)) return seconds;
    previous = cpuMicros;
  }
}
