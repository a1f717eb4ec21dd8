import type {
  IssuerReadiness,
  RateLimitReadiness,
  ReadinessReport,
  UpstreamReadiness,
  WorkerState,
} from '../../contracts/admin-api.js';
import type { WorkerReadiness } from './messages.js';

/** What the primary knows by itself. */
export type PrimaryReadiness = Pick<
  ReadinessReport,
  'config' | 'certificates' | 'issuers' | 'shutting_down'
> & {
  /** Not all of them have served yet. */
  starting: boolean;
  workers: WorkerState[];
};

const WORST_CIRCUIT = ['open', 'half_open', 'closed', null] as const;
const WORST_LIMITS = ['alone', 'shared', 'unused'] as const;

/**
 * The gateway as a whole: ready when all workers that serve are, and one does. A worker that is starting or leaving takes no
 * new connections, and says nothing here. Of each part the worst that a worker says.
 */
export function mergeReadiness(
  reports: readonly WorkerReadiness[],
  { config, certificates, issuers, shutting_down, starting, workers }: PrimaryReadiness,
): ReadinessReport {
  const serving = workers.filter(({ state }) => state === 'serving');
  const ages = reports.map(({ revocations }) => revocations.age_ms);
  const names = new Set(reports.flatMap(({ upstreams }) => Object.keys(upstreams)));
  return {
    ready: !shutting_down && !starting && serving.length > 0 && serving.every(({ ready }) => ready),
    shutting_down,
    config,
    issuers: Object.fromEntries(
      Object.entries(issuers).map(([name, own]) => [name, worstIssuer(own, reports, name)]),
    ),
    revocations: {
      synced: reports.length > 0 && reports.every(({ revocations }) => revocations.synced),
      stale: reports.some(({ revocations }) => revocations.stale),
      entries: Math.max(0, ...reports.map(({ revocations }) => revocations.entries)),
      age_ms: ages.length === 0 || ages.includes(null) ? null : Math.max(...ages.map(Number)),
    },
    upstreams: Object.fromEntries([...names].map((name) => [name, worstUpstream(reports, name)])),
    rate_limits: { state: worstLimits(reports) },
    certificates,
    workers,
  };
}

function worstIssuer(
  own: IssuerReadiness,
  reports: readonly WorkerReadiness[],
  name: string,
): IssuerReadiness {
  return reports.map(({ issuers }) => issuers[name]).find((issuer) => issuer?.state === 'no keys') ?? own;
}

function worstUpstream(reports: readonly WorkerReadiness[], name: string): UpstreamReadiness {
  const all = reports.flatMap(({ upstreams }) => upstreams[name] ?? []);
  return {
    targets: Math.max(...all.map(({ targets }) => targets)),
    available: Math.min(...all.map(({ available }) => available)),
    circuit: WORST_CIRCUIT.find((state) => all.some(({ circuit }) => circuit === state)) ?? null,
  };
}

const worstLimits = (reports: readonly WorkerReadiness[]): RateLimitReadiness['state'] =>
  WORST_LIMITS.find((state) => reports.some(({ rate_limits }) => rate_limits.state === state)) ?? 'unused';
