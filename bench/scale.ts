/**
 * What must not grow: CPU a request with many routes, revocations, targets or idle connections, and memory with many
 * tokens. Ends with 1 where something does. `npx tsx bench/scale.ts --help`; needs a build, wrk, nginx and redis-server.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { freePort } from '../test/fixtures/free-port.js';
import type { Started } from './compare/peer.js';
import { type Scale, startGatehouse } from './compare/peers/gatehouse.js';
import { startUpstream } from './compare/upstream.js';
import { createWorld } from './compare/world.js';
import { distinctTokens } from './scale/distinct-tokens.js';
import { heapBytes } from './scale/heap.js';
import { openIdle } from './scale/idle-connections.js';
import { paired } from './scale/paired.js';

const CASES = ['many', 'targets', 'idle', 'distinct', 'in-turn'];
const HELP = `npx tsx bench/scale.ts [options]
  --case NAME        only this one, may be repeated: ${CASES.join(' ')}
  --revocations N    many: revoked tokens (1000000), against none
  --routes N         many: routes (10000), against a few
  --targets N        targets: of one upstream (200), against 1
  --connections N    idle: open connections without a request (10000), against none
  --requests N       distinct: each with a token of its own (2000000)
  --tokens N         in-turn: tokens that come in turn, twice each (500000)
  --rounds N         pairs of measurements (9)
  --seconds N        length of one measurement (3)
  --warmup N         least seconds before they count (8)
  --node PATH        a Node to run Gatehouse with
  --cpus A,B         the gateways' processor and the load's (0,1)
`;
const LIMIT = 1.05;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true, default: CASES },
    revocations: text('1000000'),
    routes: text('10000'),
    targets: text('200'),
    connections: text('10000'),
    requests: text('2000000'),
    tokens: text('500000'),
    rounds: text('9'),
    seconds: text('3'),
    warmup: text('8'),
    node: text(process.execPath),
    cpus: text('0,1'),
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}

const [cpus = '0', loadCpus = '1'] = values.cpus.split(',');
const world = await createWorld(0);
const upstream = await startUpstream(world, loadCpus, Number(values.targets));
const token = world.token();
const pairs = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  warmUpSeconds: Number(values.warmup),
  loadCpus,
  tokens: [token],
};

/** What has been started for a case is stopped at its end, the latest first. */
const running: { stop(): unknown }[] = [];

async function start(scale: Scale, revoked: readonly string[] = []) {
  const variant = { accessLog: false, tls: false };
  const ports = { upstreamPort: upstream.port, openUpstreamPort: upstream.openPort };
  const setup = { world: { ...world, revoked }, ...ports, variant, cpus, loadCpus };
  const inspectPort = await freePort();
  const nodeArguments = [`--inspect=127.0.0.1:${inspectPort}`];
  const started = await startGatehouse(values.node, setup, { nodeArguments, ...scale });
  running.push(started);
  return { ...started, inspectPort };
}

async function many(): Promise<boolean> {
  const { revoked } = await createRevoked(Number(values.revocations));
  const large = await start({ folder: 'large', routes: Number(values.routes) }, revoked);
  const title = `${values.revocations} revocations and ${values.routes} routes against none`;
  return paired(title, [large, await start({ folder: 'small' })], LIMIT, pairs);
}

async function createRevoked(count: number): Promise<{ revoked: readonly string[] }> {
  const { revoked, dir } = await createWorld(count);
  rmSync(dir, { recursive: true });
  return { revoked };
}

async function targets(): Promise<boolean> {
  const several = await start({
    folder: 'several',
    targets: upstream.ports.slice(0, Number(values.targets)),
  });
  return paired(
    `${values.targets} targets against 1`,
    [several, await start({ folder: 'one' })],
    LIMIT,
    pairs,
  );
}

async function idle(): Promise<boolean> {
  const [busy, quiet] = [await start({ folder: 'busy' }), await start({ folder: 'quiet' })];
  const count = Number(values.connections);
  const memory = async (each: Started & { inspectPort: number }) => ({
    heap: await heapBytes(each.inspectPort),
    resident: each.residentBytes(),
  });
  const before = await memory(busy);
  const connections = await openIdle(busy.origin, token, count);
  running.push({ stop: connections.close });
  const after = await memory(busy);
  const each = (of: 'heap' | 'resident'): string => ((after[of] - before[of]) / count / 1024).toFixed(1);
  process.stdout.write(
    `${count} idle connections: heap ${each('heap')} KiB, resident ${each('resident')} KiB each\n`,
  );
  return paired(`${count} idle connections against none`, [busy, quiet], LIMIT, pairs);
}

async function tokens(requests: number, distinct: number): Promise<boolean> {
  const gateway = await start({ folder: `tokens-${distinct}` });
  return distinctTokens(gateway, { requests, distinct, makeToken: () => world.token(), loadCpus });
}

const cases: Record<string, () => Promise<boolean>> = {
  many,
  targets,
  idle,
  distinct: () => tokens(Number(values.requests), Number(values.requests)),
  'in-turn': () => tokens(2 * Number(values.tokens), Number(values.tokens)),
};

try {
  for (const name of values.case) {
    if (!(await cases[name]?.())) process.exitCode = 1;
    for (const each of running.splice(0).reverse()) await each.stop();
  }
} finally {
  for (const each of running.reverse()) await each.stop();
  await upstream.stop();
  rmSync(world.dir, { recursive: true, force: true });
}
