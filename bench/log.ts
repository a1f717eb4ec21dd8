/**
 * What the access log and the metrics cost a request, by CPU time in the pipeline: without either, with each, with both.
 * The four take turns within one run, a round each, so that whatever else the machine does hits them alike; the ratios
 * are those of a round, and the middle one is told. Lines go to /dev/null, one write each as in the gateway. `npx tsx bench/log.ts [rounds]`.
 */
import { closeSync, openSync } from 'node:fs';
import { pino } from 'pino';
import { createAccessLog } from '../gateway/adapters/access-log.js';
import { RequestMetrics } from '../gateway/adapters/request-metrics.js';
import { handleRequest } from '../gateway/pipeline/handle-request.js';
import type { Outcome } from '../gateway/pipeline/ports.js';
import { createLogger } from '../kit/logger.js';
import { exchange, gateway, request, token } from './pipeline-parts.js';

const ROUNDS = Number(process.argv[2] ?? 21);
const CALLS = 20_000;

const nowhere = openSync('/dev/null', 'w');
const log = createAccessLog(
  createLogger('gateway', { destination: pino.destination({ fd: nowhere, sync: true }) }),
);
const metrics = new RequestMetrics();
const count = (outcome: Outcome): void => metrics.count(outcome);

const variants: Record<string, (outcome: Outcome) => void> = {
  neither: () => undefined,
  metrics: count,
  'access log': log,
  both: (outcome) => {
    count(outcome);
    log(outcome);
  },
};

const inbound = request(token('warm'));

/** Microseconds of CPU a request. */
async function micros(record: (outcome: Outcome) => void): Promise<number> {
  const ports = { ...gateway, record };
  const before = process.cpuUsage();
  for (let index = 0; index < CALLS; index++) await handleRequest(exchange(inbound), ports);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const rounds: Record<string, number>[] = [];
for (let round = -3; round < ROUNDS; round++) {
  const names = Object.keys(variants);
  // Each goes first now and then.
  const order = names.map((_, index) => names[(index + round + names.length) % names.length] ?? '');
  const costs: Record<string, number> = {};
  for (const name of order) costs[name] = await micros(variants[name] ?? (() => undefined));
  if (round >= 0) rounds.push(costs);
}
closeSync(nowhere);

for (const name of Object.keys(variants)) {
  const cost = median(rounds.map((costs) => costs[name] ?? Number.NaN));
  const added = median(rounds.map((costs) => (costs[name] ?? Number.NaN) - (costs['neither'] ?? Number.NaN)));
  const ratio = median(rounds.map((costs) => (costs[name] ?? Number.NaN) / (costs['neither'] ?? Number.NaN)));
  process.stdout.write(
    `${name.padEnd(12)}${cost.toFixed(2).padStart(8)} µs${`+${added.toFixed(2)}`.padStart(9)} µs   × ${ratio.toFixed(3)}\n`,
  );
}
