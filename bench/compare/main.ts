/**
 * Gatehouse beside those who do the same work, each with one core. `npm run bench -- --help` says what can be chosen.
 * Needs wrk, h2load and nginx; each contender that is not installed is left out and named.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chart } from './chart.js';
import { type Options, readOptions } from './options.js';
import type { Peer, Setup, Variant } from './peer.js';
import { versionOf } from './processes.js';
import { type Result, report } from './report.js';
import { type Contender, runScenario } from './run-scenario.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { allPeers, whyNot } from './take-part.js';
import { startUpstream } from './upstream.js';
import { createWorld } from './world.js';

const startedAt = Date.now();

const say = (line: string): boolean => {
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  return process.stderr.write(`${String(seconds).padStart(4)} s  ${line}\n`);
};

/** Contenders start anew for each way in which they are set up. */
function byVariant(scenarios: readonly Scenario[]): Map<string, Scenario[]> {
  const groups = new Map<string, Scenario[]>();
  for (const scenario of scenarios) {
    const key = JSON.stringify(scenario.variant);
    groups.set(key, [...(groups.get(key) ?? []), scenario]);
  }
  return groups;
}

async function main(options: Options): Promise<void> {
  for (const tool of ['wrk', 'h2load', 'nginx', 'redis-server', 'taskset', 'curl'])
    if (versionOf(tool) === undefined) throw new Error(`${tool} is not installed, and the bench needs it`);
  const { scenarios, nodes, peers: chosen } = options;
  const world = await createWorld(options.revocations);
  const upstream = await startUpstream(world, options.loadCpus);
  const setup = {
    world,
    upstreamPort: upstream.port,
    openUpstreamPort: upstream.openPort,
    cpus: options.ownCpus,
    loadCpus: options.loadCpus,
    routes: options.routes,
  };
  const peers = allPeers(nodes, chosen, upstream.openPort);
  const present = peers.filter((peer) => peer.version() !== undefined);
  for (const { name } of peers.filter((peer) => !present.includes(peer))) say(`not installed: ${name}`);
  const wanted = SCENARIOS.filter(({ name }) => scenarios.length === 0 || scenarios.includes(name));
  const results: Result[] = [];
  try {
    for (const [key, group] of byVariant(wanted)) {
      const variant = JSON.parse(key) as Variant;
      results.push(...(await runVariant(group, present, { ...setup, variant }, options)));
    }
  } finally {
    await upstream.stop();
    rmSync(world.dir, { recursive: true, force: true });
  }
  publish(results, peers, options);
}

async function runVariant(
  scenarios: readonly Scenario[],
  peers: readonly Peer[],
  setup: Setup,
  options: Options,
): Promise<Result[]> {
  const results: Result[] = [];
  const contenders: Contender[] = [];
  try {
    for (const peer of peers) contenders.push({ peer, started: await peer.start(setup) });
    for (const scenario of scenarios) {
      say(scenario.title);
      const taking = contenders.filter(({ peer }) => whyNot(peer, scenario) === undefined);
      const leftOut = peers.flatMap((peer) => {
        const reason = whyNot(peer, scenario);
        return reason === undefined ? [] : [{ peer: peer.name, reason }];
      });
      const measured = await runScenario(scenario, taking, setup, { ...options, say });
      const failed = measured.flatMap(({ peer, failure }) =>
        failure === undefined ? [] : [{ peer, reason: `failed: ${failure}` }],
      );
      results.push({ scenario, measured, leftOut: [...leftOut, ...failed] });
    }
  } finally {
    for (const { started } of contenders) await started.stop();
  }
  return results;
}

function publish(results: readonly Result[], peers: readonly Peer[], options: Options): void {
  const { rounds, seconds, warmUpSeconds, revocations, write } = options;
  const text = report(results, peers, {
    processor: cpus()[0]?.model ?? 'unknown processor',
    cores: cpus().length,
    kernel: release(),
    date: new Date().toISOString().slice(0, 10),
    command: `npm run bench -- --rounds ${rounds} --seconds ${seconds} --warmup ${warmUpSeconds} --revocations ${revocations}`,
  });
  process.stdout.write(text);
  if (!write) return;
  const place = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
  writeFileSync(place('RESULTS.md'), text);
  const [first] = results;
  if (first !== undefined)
    writeFileSync(place('chart.svg'), chart(`CPU per request: ${first.scenario.title}`, first.measured));
}

const options = readOptions();
if (typeof options === 'string') process.stdout.write(options);
else await main(options);
