import { measure, warmUp } from '../compare/measure.js';
import type { Started } from '../compare/peer.js';
import { ratios, spread } from '../compare/statistics.js';

export interface PairOptions {
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
  loadCpus: string;
  tokens: readonly string[];
}

/** CPU a request of two gateways in turns, a b, b a, …: one line, and whether the ratio keeps to the limit. */
export async function paired(
  title: string,
  [a, b]: readonly [Started, Started],
  limit: number,
  { rounds, seconds, warmUpSeconds, loadCpus, tokens }: PairOptions,
): Promise<boolean> {
  const target = ({ origin }: Started) => ({ url: `${origin}/api/orders`, tokens, status: 200 });
  // Connections to many targets, a handshake each, are all made only after a while.
  const within = { leastSeconds: warmUpSeconds, mostSeconds: 8 * warmUpSeconds };
  for (const each of [a, b]) await warmUp(target(each), each, within, loadCpus);
  const micros: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++)
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const started = which === 0 ? a : b;
      micros[which].push((await measure(target(started), started, seconds, loadCpus)).cpuMicros);
    }
  const ratio = ratios(micros[0], micros[1]);
  const isGood = ratio.median <= limit;
  process.stdout.write(
    `${title}: ${spread(micros[0]).median.toFixed(1)} µs against ${spread(micros[1]).median.toFixed(1)} µs a request, ` +
      `× ${ratio.median.toFixed(3)} (${ratio.min.toFixed(3)}–${ratio.max.toFixed(3)}), limit ${limit}: ${isGood ? 'good' : 'TOO MUCH'}\n`,
  );
  return isGood;
}
