import { type Latency, paced, saturate, type Target, tryOut } from './load.js';
import type { Peer, Setup, Started } from './peer.js';
import type { Scenario } from './scenarios.js';
import { spread } from './statistics.js';

export interface RunOptions {
  rounds: number;
  seconds: number;
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
}

export interface Contender {
  peer: Peer;
  started: Started;
}

const WARM_UP_SECONDS = 2;
/** No scenario takes as long; each ends with its tokens. */
const NEW_TOKENS_WITHIN_SECONDS = 120;

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
  const { rounds, say, loadCpus } = options;
  const results = contenders.map(
    ({ peer }): Measured => ({
      peer: peer.name,
      cpuMicros: [],
      perSecond: [],
      latencies: [],
      residentBytes: Number.NaN,
    }),
  );
  const shared = scenario.tokens?.(setup.world) ?? [];
  for (let round = -1; round < rounds; round++) {
    const tokens = freshTokens(scenario, setup) ?? shared;
    for (const [index, { started, result }] of inTurn(contenders, results, round)) {
      const target = targetOf(scenario, started, tokens);
      const isWarmUp = round < 0;
      if (isWarmUp) await tryOut(target);
      const { cpuMicros, perSecond } = await measure(
        target,
        started,
        isWarmUp ? WARM_UP_SECONDS : options.seconds,
        loadCpus,
      );
      if (isWarmUp) continue;
      result.cpuMicros.push(cpuMicros);
      result.perSecond.push(perSecond);
      say(`  ${index + 1}. ${result.peer}: ${cpuMicros.toFixed(1)} µs, ${Math.round(perSecond)}/s`);
    }
  }
  if (scenario.paced === true) await measureLatencies(scenario, contenders, results, shared, options);
  for (const [at, { started }] of contenders.entries()) {
    const result = results[at];
    if (result !== undefined) result.residentBytes = started.residentBytes();
  }
  return results;
}

function freshTokens({ newTokens }: Scenario, { world }: Setup): string[] | undefined {
  return newTokens === undefined ? undefined : Array.from({ length: newTokens }, () => world.token());
}

function targetOf(scenario: Scenario, { origin }: Started, tokens: readonly string[]): Target {
  const once = scenario.newTokens !== undefined;
  return { url: `${origin}${scenario.path}`, tokens, once, status: scenario.status };
}

function* inTurn(
  contenders: readonly Contender[],
  results: readonly Measured[],
  round: number,
): Generator<[index: number, { started: Started; result: Measured }]> {
  for (let index = 0; index < contenders.length; index++) {
    const at = (index + round + contenders.length) % contenders.length;
    const [contender, result] = [contenders[at], results[at]];
    if (contender !== undefined && result !== undefined)
      yield [index, { started: contender.started, result }];
  }
}

async function measure(
  target: Target,
  started: Started,
  seconds: number,
  loadCpus: string,
): Promise<{ cpuMicros: number; perSecond: number }> {
  const before = started.cpuSeconds();
  const { requests, perSecond } = await saturate(
    target,
    target.once === true ? NEW_TOKENS_WITHIN_SECONDS : seconds,
    loadCpus,
  );
  return { cpuMicros: ((started.cpuSeconds() - before) * 1e6) / requests, perSecond };
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
    for (const [, { started, result }] of inTurn(contenders, results, round)) {
      const isDirect = Number.isNaN(started.cpuSeconds());
      const pace = isDirect ? firstPace : spread(result.perSecond).median / 2;
      result.latencies.push(await paced(targetOf(scenario, started, tokens), pace, seconds, loadCpus));
    }
  }
}
