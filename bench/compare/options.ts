import { parseArgs } from 'node:util';
import { SCENARIOS } from './scenarios.js';

const HELP = `npm run bench -- [options]
  --rounds N         rounds that count (5)
  --seconds N        length of one measurement (2)
  --warmup N         each contender is driven until its CPU per request has settled: N/2 s at least, 2 N at most (8)
  --scenario NAME    only this one, may be repeated: ${SCENARIOS.map(({ name }) => name).join(' ')}
  --peer TEXT        only contenders with this in their name, besides Gatehouse; may be repeated
  --node PATH        a Node to run Gatehouse and the other Node programs with; may be repeated
  --revocations N    revoked tokens that each contender looks up in (1000)
  --routes N         further routes of Gatehouse (0)
  --cpus A,B         the contender's processor and the load's (0,1)
  --write            bench/RESULTS.md and bench/chart.svg are written; else the report is only printed
bench/README.md says what the figures mean.
`;

export interface Options {
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
  scenarios: readonly string[];
  peers: readonly string[];
  nodes: readonly string[];
  revocations: number;
  routes: number;
  ownCpus: string;
  loadCpus: string;
  write: boolean;
}

/** What the command line asks for; text where that is help. Throws when it cannot be read. */
export function readOptions(): Options | string {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      warmup: { type: 'string', default: '8' },
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
  if (values.help) return HELP;
  const [ownCpus = '0', loadCpus = '1'] = values.cpus.split(',');
  return {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    warmUpSeconds: Number(values.warmup),
    scenarios: values.scenario,
    peers: values.peer,
    nodes: values.node,
    revocations: Number(values.revocations),
    routes: Number(values.routes),
    ownCpus,
    loadCpus,
    write: values.write,
  };
}
