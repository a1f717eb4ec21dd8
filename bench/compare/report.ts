import type { Peer } from './peer.js';
import type { Measured } from './run-scenario.js';
import type { Scenario } from './scenarios.js';
import { ratios, type Spread, spread } from './statistics.js';

export interface Result {
  scenario: Scenario;
  measured: readonly Measured[];
  leftOut: readonly { peer: string; reason: string }[];
}

export interface Machine {
  processor: string;
  cores: number;
  kernel: string;
  date: string;
  command: string;
}

/** `RESULTS.md`: a table for each scenario, and ratios of Gatehouse to everybody else, taken round by round. */
export function report(results: readonly Result[], peers: readonly Peer[], machine: Machine): string {
  return `# Results

Made by \`${machine.command}\` on ${machine.date}: ${machine.processor}, ${machine.cores} cores, Linux ${machine.kernel}.
Contenders have one core, load and upstream another; they take turns within each round. Medians, with the smallest and
the largest round in brackets. CPU is user and system time of all of a contender's processes by the requests that it
answered; times depend on the machine, ratios much less. A ratio below 1 means that Gatehouse needs less.

${versions(peers)}

${results.map(section).join('\n\n')}
`;
}

function versions(peers: readonly Peer[]): string {
  const rows = peers.map(
    ({ name, version, remark = '' }) =>
      `| ${name} | ${version() ?? 'not found on PATH, so not tried'} | ${remark} |`,
  );
  return ['| contender | version | |', '|---|---|---|', ...rows].join('\n');
}

function section({ scenario, measured, leftOut }: Result): string {
  const ours = measured.filter(({ peer }) => peer.startsWith('Gatehouse'));
  const hasLatency = measured.some(({ latencies }) => latencies.length > 0);
  const titles = [
    'contender',
    'CPU µs/request',
    ...ours.map(({ peer }) => `${peer} ÷ this`),
    'requests/s',
    ...(hasLatency ? ['p50 / p99 ms at half load'] : []),
    'resident MiB',
  ];
  const rows = measured.map((each) => [
    each.peer,
    text(spread(each.cpuMicros), 1),
    ...ours.map((own) => (own === each ? '1' : text(ratios(own.cpuMicros, each.cpuMicros), 2))),
    text(spread(each.perSecond), 0),
    ...(hasLatency ? [latency(each)] : []),
    number(each.residentBytes / 2 ** 20, 0),
  ]);
  const parts = [
    `## ${scenario.title}`,
    table([titles, titles.map(() => '---'), ...rows]),
    ...without(leftOut),
  ];
  return parts.join('\n\n');
}

/** Each reason once, with those whom it keeps out. */
function without(leftOut: Result['leftOut']): string[] {
  const reasons = [...new Set(leftOut.map(({ reason }) => reason))].map((reason) => {
    const peers = leftOut.filter((each) => each.reason === reason).map(({ peer }) => peer);
    return `${peers.join('; ')}: ${reason}`;
  });
  return reasons.length === 0 ? [] : [`Left out: ${reasons.join('. ')}.`];
}

const table = (rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `| ${row.join(' | ')} |`).join('\n');

function latency({ latencies }: Measured): string {
  const [p50, p99] = [
    spread(latencies.map(({ p50Ms }) => p50Ms)),
    spread(latencies.map(({ p99Ms }) => p99Ms)),
  ];
  return `${number(p50.median, 2)} / ${text(p99, 2)}`;
}

const text = ({ median, min, max }: Spread, digits: number): string =>
  Number.isNaN(median) ? '–' : `${number(median, digits)} (${number(min, digits)}–${number(max, digits)})`;

const number = (value: number, digits: number): string => (Number.isNaN(value) ? '–' : value.toFixed(digits));
