import { type Latency, paced, tryOut } from './load.js';
import { measure, warmUp } from './measure.js';
import type { Peer, Setup, Started } from './peer.js';
import type { Scenario } from './scenarios.js';
import { spread } from './statistics.js';
import type { Target } from './target.js';

export interface RunOptions {
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
  loadCpus: string;
  say(line: string): void;
}

/** One contender in one scenario, a value a round. */
export interface Measured {
  peer: string;
  cpuMicros: number[];
  perSecond: number[];
  latencies: Latency[];
  residentBytes: number;
  /** It did not answer as it has to; what was measured before that stands. */
  failure?: string;
}

export interface Contender {
  peer: Peer;
  started: Started;
  isWarm?: boolean;
}

/** Once it has been warm, in whatever scenario. */
const WARM_UP_AGAIN = { leastSeconds: 2, mostSeconds: 4 };

/**
 * All contenders in turn within each round, each round beginning with another one (A B C, B C A, …): what the machine
 * does meanwhile meets them all alike, so that ratios hold where times do not.
 */
export async function runScenario(
  scenario: Scenario,
  contenders: readonly Contender[],
  setup: Setup,
  options: RunOptions,
): Promise<Measured[]> {
  const { rounds, seconds, say, loadCpus } = options;
  const results = contenders.map(
    ({ peer }): Measured => ({
      peer: peer.name,
      cpuMicros: [],
      perSecond: [],
      latencies: [],
      residentBytes: Number.NaN,
    }),
  );
  const shared = scenario.tokens?.(setup.world) ?? [setup.world.token()];
  const attempt = async (result: Measured, work: () => Promise<void>): Promise<void> => {
    if (result.failure !== undefined) return;
    await work().catch((error: Error) => {
      say(`  ${result.peer} is left out: ${error.message}`);
      result.failure = error.message.split('\n')[0] ?? '';
    });
  };
  const first = freshTokens(scenario, setup);
  for (const [, { contender, result }] of inTurn(contenders, results, 0))
    await attempt(result, () => makeWarm(scenario, contender, { shared, first }, options));
  for (let round = 0; round < rounds; round++) {
    const tokens = freshTokens(scenario, setup) ?? shared;
    for (const [index, { contender, result }] of inTurn(contenders, results, round))
      await attempt(result, async () => {
        const { started } = contender;
        const target = targetOf(scenario, started, tokens);
        const { cpuMicros, perSecond } = await measure(target, started, seconds, loadCpus);
        result.cpuMicros.push(cpuMicros);
        result.perSecond.push(perSecond);
        say(`  ${index + 1}. ${result.peer}: ${cpuMicros.toFixed(1)} µs, ${Math.round(perSecond)}/s`);
      });
  }
  if (scenario.paced === true) await measureLatencies(scenario, contenders, results, shared, options);
  for (const [at, { started }] of contenders.entries()) {
    const result = results[at];
    if (result !== undefined) result.residentBytes = started.residentBytes();
  }
  return results;
}

/** With tokens that it has seen, and then once with the first of those that are new to it. */
async function makeWarm(
  scenario: Scenario,
  contender: Contender,
  { shared, first }: { shared: readonly string[]; first: readonly string[] | undefined },
  { loadCpus, warmUpSeconds, seconds, say }: RunOptions,
): Promise<void> {
  const { peer, started, isWarm } = contender;
  const target = { ...targetOf(scenario, started, shared), once: false };
  await tryOut(target);
  const within =
    isWarm === true ? WARM_UP_AGAIN : { leastSeconds: warmUpSeconds / 2, mostSeconds: warmUpSeconds * 2 };
  const took = await warmUp(target, started, within, loadCpus);
  contender.isWarm = true;
  if (first !== undefined) await measure(targetOf(scenario, started, first), started, seconds, loadCpus);
  say(`  ${peer.name}: warm after ${took} s`);
}

function freshTokens({ newTokens }: Scenario, { world }: Setup): string[] | undefined {
  return newTokens === undefined ? undefined : Array.from({ length: newTokens }, () => world.token());
}

function targetOf(scenario: Scenario, { origin }: Started, tokens: readonly string[]): Target {
  const once = scenario.newTokens !== undefined;
  const { path, status, http2 = false } = scenario;
  return { url: `${origin}${path}`, http2, tokens, once, status };
}

function* inTurn(
  contenders: readonly Contender[],
  results: readonly Measured[],
  round: number,
): Generator<[index: number, { contender: Contender; result: Measured }]> {
  for (let index = 0; index < contenders.length; index++) {
    const at = (index + round + contenders.length) % contenders.length;
    const [contender, result] = [contenders[at], results[at]];
    if (contender !== undefined && result !== undefined) yield [index, { contender, result }];
  }
}

/** Each at half of its own saturation, but the direct call, which runs at the pace of the first contender. */
async function measureLatencies(
  scenario: Scenario,
  contenders: readonly Contender[],
  results: readonly Measured[],
  tokens: readonly string[],
  { rounds, seconds, loadCpus }: RunOptions,
): Promise<void> {
  const firstPace = spread(results[0]?.perSecond ?? []).median / 2;
  for (let round = 0; round < rounds; round++) {
    for (const [, { contender, result }] of inTurn(contenders, results, round)) {
      if (result.failure !== undefined) continue;
      const { started } = contender;
      const isDirect = Number.isNaN(started.cpuSeconds());
      const pace = isDirect ? firstPace : spread(result.perSecond).median / 2;
      result.latencies.push(await paced(targetOf(scenario, started, tokens), pace, seconds, loadCpus));
    }
  }
}
