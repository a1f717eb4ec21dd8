/**
 * What workers cost and bring: CPU a request and requests a second of two, or as many as are asked for, against one, in
 * turns. All of them have the same processors, which the load shares where there are no others. Ends with 1 where a
 * request costs more than it may. `npx tsx bench/workers.ts --help`; needs a build, wrk, nginx and redis-server.
 */
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { measure, warmUp } from './compare/measure.js';
import type { Started } from './compare/peer.js';
import { startGatehouse } from './compare/peers/gatehouse.js';
import { ratios, spread } from './compare/statistics.js';
import { startUpstream } from './compare/upstream.js';
import { createWorld } from './compare/world.js';

const ALL = `0-${availableParallelism() - 1}`;
const HELP = `npx tsx bench/workers.ts [options]
  --workers N        against one (2)
  --rounds N         pairs of measurements (9)
  --seconds N        length of one measurement (3)
  --warmup N         least seconds before they count (8)
  --node PATH        a Node to run Gatehouse with
  --cpus LIST        the gateways' processors (${ALL})
  --load-cpus LIST   those of load, upstream and Redis (${ALL})
`;
const LIMIT = 1.1;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    workers: text('2'),
    rounds: text('9'),
    seconds: text('3'),
    warmup: text('8'),
    node: text(process.execPath),
    cpus: text(ALL),
    'load-cpus': text(ALL),
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}

const { cpus, 'load-cpus': loadCpus, node } = values;
const [workers, seconds, warmup] = [values.workers, values.seconds, values.warmup].map(Number) as [
  number,
  number,
  number,
];
const world = await createWorld(0);
const upstream = await startUpstream(world, loadCpus);
const running: Started[] = [];
const tokens = [world.token()];
const targetOf = ({ origin }: Started) => ({ url: `${origin}/api/orders`, tokens, status: 200 });

async function start(count: number): Promise<Started> {
  const variant = { accessLog: false, tls: false };
  const ports = { upstreamPort: upstream.port, openUpstreamPort: upstream.openPort };
  const setup = { world, ...ports, variant, cpus, loadCpus };
  const started = await startGatehouse(node, setup, { folder: `workers-${count}`, workers: count });
  running.push(started);
  await warmUp(targetOf(started), started, { leastSeconds: warmup, mostSeconds: 8 * warmup }, loadCpus);
  return started;
}

try {
  const both = [await start(workers), await start(1)] as const;
  const micros: [number[], number[]] = [[], []];
  const perSecond: [number[], number[]] = [[], []];
  for (let round = 0; round < Number(values.rounds); round++)
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const measured = await measure(targetOf(both[which]), both[which], seconds, loadCpus);
      micros[which].push(measured.cpuMicros);
      perSecond[which].push(measured.perSecond);
    }
  const tell = (what: string, [several, one]: [number[], number[]], digits: number): number => {
    const { median, min, max } = ratios(several, one);
    const [of, to] = [spread(several).median.toFixed(digits), spread(one).median.toFixed(digits)];
    process.stdout.write(
      `${workers} workers against 1: ${of} against ${to} ${what}, × ${median.toFixed(3)} (${min.toFixed(3)}–${max.toFixed(3)})\n`,
    );
    return median;
  };
  const cost = tell('µs of CPU a request', micros, 1);
  tell('requests a second', perSecond, 0);
  process.stdout.write(`limit ${LIMIT}: ${cost <= LIMIT ? 'good' : 'TOO MUCH'}\n`);
  if (cost > LIMIT) process.exitCode = 1;
} finally {
  for (const each of running.reverse()) await each.stop();
  await upstream.stop();
  rmSync(world.dir, { recursive: true, force: true });
}
