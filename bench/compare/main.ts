/**
 * Gatehouse beside those who do the same work, each with one core. `npm run bench -- --help` says what can be chosen.
 * Needs wrk, h2load and nginx; each contender that is not installed is left out and named.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chart } from './chart.js';
import type { Peer, Variant } from './peer.js';
import { direct } from './peers/direct.js';
import { gatehouse } from './peers/gatehouse.js';
import { haproxy } from './peers/haproxy.js';
import { nginxBare, nginxNjs } from './peers/nginx.js';
import { bareNode, express, fastifyPlugins } from './peers/node-program.js';
import { versionOf } from './processes.js';
import { type Result, report } from './report.js';
import { type Contender, runScenario } from './run-scenario.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { startUpstream } from './upstream.js';
import { createWorld } from './world.js';

const HELP = `npm run bench -- [options]
  --rounds N         rounds that count, after one to warm up (5)
  --seconds N        length of one measurement (4)
  --scenario NAME    only this one, may be repeated: ${SCENARIOS.map(({ name }) => name).join(' ')}
  --peer TEXT        only contenders with this in their name, besides Gatehouse; may be repeated
  --node PATH        a Node to run Gatehouse and the other Node programs with; may be repeated
  --revocations N    revoked tokens that each contender looks up in (1000)
  --routes N         further routes of Gatehouse (0)
  --cpus A,B         the contender's processor and the load's (0,1)
  --write            bench/RESULTS.md and bench/chart.svg are written; else the report is only printed
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    scenario: { type: 'string', multiple: true, default: [] },
    peer: { type: 'string', multiple: true, default: [] },
    node: { type: 'string', multiple: true, default: [process.execPath] },
    revocations: { type: 'string', default: '1000' },
    routes: { type: 'string', default: '0' },
    cpus: { type: 'string', default: '0,1' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const say = (line: string): boolean => process.stderr.write(`${line}\n`);

function allPeers(openPort: number): Peer[] {
  const { node, peer } = values;
  const others = [
    haproxy,
    nginxNjs,
    ...node.flatMap((path) => [fastifyPlugins(path), express(path), bareNode(path)]),
    nginxBare,
    direct(openPort),
  ];
  const chosen = others.filter(({ name }) => peer.length === 0 || peer.some((text) => name.includes(text)));
  return [...node.map(gatehouse), ...chosen];
}

/** Contenders start anew for each way in which they are set up. */
function byVariant(scenarios: readonly Scenario[]): Map<string, Scenario[]> {
  const groups = new Map<string, Scenario[]>();
  for (const scenario of scenarios) {
    const key = JSON.stringify(scenario.variant);
    groups.set(key, [...(groups.get(key) ?? []), scenario]);
  }
  return groups;
}

/** A floor that checks nothing denies nothing; the direct call is for latencies. */
function takesPart({ peer }: Contender, scenario: Scenario): boolean {
  if (peer.name === 'direct call') return scenario.paced === true;
  return scenario.status < 400 || !peer.name.includes('no auth');
}

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  for (const tool of ['wrk', 'h2load', 'nginx', 'redis-server', 'taskset'])
    if (versionOf(tool) === undefined) throw new Error(`${tool} is not installed, and the bench needs it`);
  const [ownCpus = '0', loadCpus = '1'] = values.cpus.split(',');
  const world = await createWorld(Number(values.revocations));
  const upstream = await startUpstream(world, loadCpus);
  const peers = allPeers(upstream.openPort);
  const present = peers.filter((peer) => peer.version() !== undefined);
  for (const { name } of peers.filter((peer) => !present.includes(peer))) say(`not installed: ${name}`);
  const wanted = SCENARIOS.filter(
    ({ name }) => values.scenario.length === 0 || values.scenario.includes(name),
  );
  const results: Result[] = [];
  const options = { rounds: Number(values.rounds), seconds: Number(values.seconds), loadCpus, say };
  try {
    for (const [key, scenarios] of byVariant(wanted)) {
      const variant = JSON.parse(key) as Variant;
      const setup = {
        world,
        upstreamPort: upstream.port,
        variant,
        cpus: ownCpus,
        loadCpus,
        routes: Number(values.routes),
      };
      const contenders: Contender[] = [];
      try {
        for (const peer of present) contenders.push({ peer, started: await peer.start(setup) });
        for (const scenario of scenarios) {
          say(scenario.title);
          const taking = contenders.filter((contender) => takesPart(contender, scenario));
          results.push({ scenario, measured: await runScenario(scenario, taking, setup, options) });
        }
      } finally {
        for (const { started } of contenders) await started.stop();
      }
    }
  } finally {
    await upstream.stop();
    rmSync(world.dir, { recursive: true, force: true });
  }
  publish(results, present);
}

function publish(results: readonly Result[], peers: readonly Peer[]): void {
  const node = values.node.map((path) => versionOf(path)).join(', ');
  const text = report(results, peers, {
    processor: cpus()[0]?.model ?? 'unknown processor',
    cores: cpus().length,
    kernel: release(),
    date: new Date().toISOString().slice(0, 10),
    command: `npm run bench -- --rounds ${values.rounds} --seconds ${values.seconds} --revocations ${values.revocations}`,
  });
  process.stdout.write(text);
  say(`Node: ${node}`);
  if (!values.write) return;
  const place = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
  writeFileSync(place('RESULTS.md'), text);
  const [first] = results;
  if (first !== undefined)
    writeFileSync(place('chart.svg'), chart(`CPU per request: ${first.scenario.title}`, first.measured));
}

await main();
