/**
 * Many routes: time to read and to compile the config, memory of what stays, and time of a match. Times are the
 * process's CPU time, so that a busy machine does not lengthen them.
 * `npx tsx --expose-gc bench/routes.ts [numbers of routes…]`; default 100 1000 10000. One process a number.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { KeySource } from '../gateway/pipeline/ports.js';
import type { RouteTable } from '../gateway/pipeline/snapshot.js';
import { compileSnapshot } from '../gateway/routing/compile.js';
import { GatewayConfigSchema } from '../gateway/routing/schema.js';
import { parseConfig } from '../kit/config-file.js';

const CHILD = '--measure';
const MATCHES = 400_000;
const ROUNDS = 7;

const NO_KEYS: KeySource = {
  find: () => undefined,
  fetchMissing: async () => 'absent',
  isRevoked: () => false,
  available: false,
};

/** Of each kind a quarter: static, one parameter, two parameters, a wildcard. */
const PATHS: ((service: string) => string)[] = [
  (service) => `/api/${service}/items`,
  (service) => `/api/${service}/items/:id`,
  (service) => `/api/${service}/items/:id/parts/:part`,
  (service) => `/api/${service}/files/*`,
];

function configText(count: number): string {
  const routes = Array.from({ length: count }, (_, index) => ({
    path: PATHS[index % PATHS.length]?.(`service-${Math.floor(index / PATHS.length)}`),
    methods: index % 2 === 0 ? ['GET', 'POST'] : ['GET'],
    auth: index % 10 === 0 ? 'public' : { profile: 'caller', scopes: [`s${index % 100}:read`] },
    upstream: `upstream-${index % 20}`,
  }));
  const peer = (name: string) => ({ url: 'https://127.0.0.1:9443', spiffe_id: `spiffe://bench/${name}` });
  return stringify({
    listen: { host: '127.0.0.1', port: 8080 },
    admin: { host: '127.0.0.1', port: 9901 },
    internal_tls: { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' },
    issuers: {
      main: { issuer: 'https://id.test', audience: 'a', jwks_uri: 'https://auth/jwks', upstream: 'auth' },
    },
    revocation: { feed_url: 'https://127.0.0.1:9444', feed_spiffe_id: 'spiffe://bench/auth' },
    upstreams: Object.fromEntries(
      ['auth', ...Array.from({ length: 20 }, (_, index) => `upstream-${index}`)].map((name) => [
        name,
        peer(name),
      ]),
    ) as Record<string, object>,
    auth: { caller: { issuers: ['main'] } },
    routes,
  });
}

/** Requests spread over all routes; one in eight matches none. */
function requestPaths(count: number): string[] {
  return Array.from({ length: 4096 }, (_, index) => {
    const service = `service-${Math.floor(((index * 7919) % count) / PATHS.length)}`;
    if (index % 8 === 7) return `/api/${service}/nothing/here/${index}`;
    return (PATHS[index % PATHS.length]?.(service) ?? '')
      .replace(':id', String(index))
      .replace(':part', 'wheel')
      .replace('*', `a/b/${index}.txt`);
  });
}

function matchNs(routes: RouteTable, paths: readonly string[]): number {
  const traits = { host: 'a.test', headers: [], query: '' };
  const rounds = Array.from({ length: ROUNDS }, () => {
    let found = 0;
    const startedAt = cpuMs();
    for (let i = 0; i < MATCHES; i++) {
      const match = routes.find('GET', paths[i % paths.length] ?? '', traits);
      if (match !== undefined && 'route' in match) found += 1;
    }
    if (found !== (MATCHES / 8) * 7) throw new Error(`${found} of ${MATCHES} found a route`);
    return ((cpuMs() - startedAt) * 1e6) / MATCHES;
  });
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function heapBytes(): number {
  global.gc?.();
  global.gc?.();
  return process.memoryUsage().heapUsed;
}

/** What the config was read from is dropped, as a gateway drops it once it serves. */
function load(text: string): { routes: RouteTable; parseMs: number; compileMs: number } {
  const parsedAt = cpuMs();
  const config = parseConfig(text, 'gateway.yaml', GatewayConfigSchema, {});
  const compiledAt = cpuMs();
  const { routes } = compileSnapshot(config, () => NO_KEYS);
  return { routes, parseMs: compiledAt - parsedAt, compileMs: cpuMs() - compiledAt };
}

function measure(count: number): void {
  const text = configText(count);
  load(configText(20)); // the libraries' own first time
  const before = heapBytes();
  const { routes, parseMs, compileMs } = load(text);
  const keptBytes = heapBytes() - before;
  const ns = matchNs(routes, requestPaths(count));
  const peakMib = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(
    `${count} routes, ${(text.length / 1024).toFixed(0)} KiB of YAML: read ${parseMs.toFixed(0)} ms, compile ` +
      `${compileMs.toFixed(0)} ms; kept ${(keptBytes / 2 ** 20).toFixed(1)} MiB ` +
      `(${(keptBytes / count).toFixed(0)} bytes a route), peak RSS ${peakMib.toFixed(0)} MiB; ` +
      `match ${ns.toFixed(0)} ns\n`,
  );
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === CHILD) measure(Number(rest[0]));
else {
  const counts = mode === undefined ? ['100', '1000', '10000'] : [mode, ...rest];
  for (const count of counts) {
    const self = [...process.execArgv, fileURLToPath(import.meta.url), CHILD, count];
    spawnSync(process.execPath, self, { stdio: 'inherit' });
  }
}
