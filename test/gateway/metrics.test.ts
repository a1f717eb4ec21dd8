import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { createMetrics } from '../../gateway/adapters/metrics.js';
import { RequestMetrics } from '../../gateway/adapters/request-metrics.js';
import { newTransfer, type Outcome } from '../../gateway/pipeline/ports.js';
import type { Route } from '../../gateway/pipeline/route.js';
import { eventually } from '../fixtures/eventually.js';
import { startTestGateway, type TestGatewayOptions } from '../fixtures/test-gateway.js';
import { signToken, testKey } from '../fixtures/test-issuer.js';

/** Everything is scraped as Prometheus would: from the admin listener of a gateway that serves. */

async function start(t: Test, options: TestGatewayOptions = {}) {
  const gateway = await startTestGateway(t, options);
  const scrape = async (): Promise<string> => (await fetch(`${gateway.gateway.adminUrl}/metrics`)).text();
  const admin = async (path: string): Promise<[number, Record<string, unknown>]> => {
    const reply = await fetch(`${gateway.gateway.adminUrl}${path}`);
    return [reply.status, (await reply.json()) as Record<string, unknown>];
  };
  return { ...gateway, scrape, admin };
}

/** The value of a series as it stands in the text. */
function valueIn(text: string, series: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  if (line === undefined) throw new Error(`there is no ${series}`);
  return Number(line.slice(series.length + 1));
}

/** Names with labels, without values, of what the gateway itself counts. */
const seriesOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('gatehouse_'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
    .sort();

const API = 'GET|POST|PUT|DELETE /api/*';

t.test('requests, problems and verdicts by route, code and issuer', async (t) => {
  const { url, token, issuer, scrape, key } = await start(t);
  const get = async (headers: Record<string, string> = {}, path = '/api/x'): Promise<unknown> =>
    (await fetch(url + path, { headers })).text();
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  const good = token();
  await get(bearer(good));
  await get(bearer(good));
  await get(bearer(token({ exp: 1 })));
  await get(bearer(signToken(await testKey(), { iss: issuer }, { kid: key.kid })));
  await get(bearer(signToken(key, { iss: 'https://nobody.test' })));
  await get();
  await get({}, '/public/x');
  await get({}, '/nowhere');
  const text = await scrape();
  const expected: Record<string, number> = {
    [`gatehouse_requests_total{route="${API}",status_class="2xx"}`]: 2,
    [`gatehouse_requests_total{route="${API}",status_class="4xx"}`]: 4,
    'gatehouse_requests_total{route="GET|POST /public/*",status_class="2xx"}': 1,
    'gatehouse_requests_total{route="none",status_class="4xx"}': 1,
    [`gatehouse_request_duration_seconds_count{route="${API}"}`]: 6,
    [`gatehouse_request_duration_seconds_bucket{le="+Inf",route="${API}"}`]: 6,
    'gatehouse_upstream_duration_seconds_count{upstream="app"}': 3,
    [`gatehouse_problems_total{route="${API}",code="token_expired"}`]: 1,
    'gatehouse_problems_total{route="none",code="route_not_found"}': 1,
    'gatehouse_verdicts_total{issuer="main",code="allowed"}': 2,
    'gatehouse_verdicts_total{issuer="main",code="token_expired"}': 1,
    'gatehouse_verdicts_total{issuer="main",code="token_signature"}': 1,
    'gatehouse_verdicts_total{issuer="none",code="token_claims"}': 1,
    'gatehouse_verdicts_total{issuer="none",code="credentials_missing"}': 1,
    gatehouse_verified_tokens: 1,
    'gatehouse_verified_token_lookups_total{result="hit"}': 1,
    'gatehouse_verified_token_lookups_total{result="miss"}': 4,
    'gatehouse_jwks_keys{issuer="main"}': 1,
    'gatehouse_jwks_available{issuer="main"}': 1,
    gatehouse_open_requests: 0,
  };
  for (const [series, value] of Object.entries(expected)) t.equal(valueIn(text, series), value, series);
  const sum = valueIn(text, `gatehouse_request_duration_seconds_sum{route="${API}"}`);
  t.ok(sum > 0 && sum < 60, 'seconds');
  t.ok(valueIn(text, 'nodejs_eventloop_lag_p99_seconds') > 0, 'the process is measured too');
});

t.test('a thousand odd requests make no series', async (t) => {
  const { url, token, issuer, scrape } = await start(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  t.teardown(() => agent.destroy());
  const send = (method: string, path: string, headers: Record<string, string>): Promise<void> =>
    new Promise((resolve, reject) => {
      const sent = httpRequest(url, { agent, method, path, headers }, (response) => {
        response.resume().on('end', resolve);
      });
      sent.on('error', reject).end();
    });
  const key = await testKey();
  const odd = (_: unknown, index: number): Promise<void> => {
    const text = randomBytes(8).toString('hex');
    const foreign = signToken(key, { iss: issuer, sub: text }, { kid: text });
    const stranger = signToken(key, { iss: `https://${text}.test` }, { kid: text });
    return [
      () => send('GET', `/${text}`, { host: `${text}.test` }),
      () => send('GET', `/api/${text}`, { authorization: `Bearer ${foreign}`, host: `${text}.test` }),
      () => send('GET', `/api/${text}?${text}`, { authorization: `Bearer ${stranger}` }),
      () => send('GET', `/api/${text}`, { authorization: `Bearer ${token({ sub: text, client_id: text })}` }),
      () => send('GET', `/public/${text}`, { origin: `https://${text}.test`, 'x-forwarded-for': text }),
      () => send('PROPFIND', `/api/${text}`, {}),
    ][index % 6]?.() as Promise<void>;
  };
  await Promise.all(Array.from({ length: 100 }, odd));
  const before = seriesOf(await scrape());
  await Promise.all(Array.from({ length: 1000 }, odd));
  t.strictSame(seriesOf(await scrape()), before);
  t.ok(before.length > 50);
});

t.test('what is open is counted while it is', async (t) => {
  const { url, token, scrape, answer, appServer } = await start(t);
  const headers = { authorization: `Bearer ${token()}` };
  answer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  const stream = new AbortController();
  await fetch(`${url}/api/events`, { headers, signal: stream.signal });
  const sockets = new WebSocketServer({ server: appServer });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/ws`, { headers });
  await once(socket, 'open');
  const open = async (): Promise<string> => {
    const text = await scrape();
    return ['requests', 'streams', 'websockets']
      .map((kind) => valueIn(text, `gatehouse_open_${kind}`))
      .join();
  };
  t.equal(await open(), '2,1,1');
  socket.close();
  stream.abort();
  await eventually(open, (counts) => counts === '0,0,0');
  t.match(
    await scrape(),
    'gatehouse_requests_total{route="GET|POST|PUT|DELETE /api/*",status_class="1xx"} 1',
  );
  sockets.close();
});

t.test('decisions by revocations that are too old are counted, and said now and then', async (t) => {
  const feed = {
    follow: (sink: { synced(): void }, signal: AbortSignal) => {
      sink.synced();
      return once(signal, 'abort').then(() => undefined);
    },
  };
  const auth = { caller: { issuers: ['main'] }, lenient: { issuers: ['main'], on_stale: 'allow' } };
  const { url, token, scrape, logs, admin } = await start(t, {
    deps: { feed },
    config: {
      auth,
      revocation: {
        feed_url: 'https://127.0.0.1:1',
        feed_spiffe_id: 'spiffe://gatehouse.internal/auth-service',
        max_staleness: '1ms',
      },
    },
    routes: [
      { path: '/strict', methods: ['GET'], auth: 'caller', upstream: 'app' },
      { path: '/lenient', methods: ['GET'], auth: 'lenient', upstream: 'app' },
    ],
  });
  const headers = { authorization: `Bearer ${token()}` };
  t.equal((await fetch(`${url}/strict`, { headers })).status, 503);
  for (let i = 0; i < 3; i++) t.equal((await fetch(`${url}/lenient`, { headers })).status, 200);
  const text = await scrape();
  t.equal(valueIn(text, 'gatehouse_stale_decisions_total{outcome="denied"}'), 1);
  t.equal(valueIn(text, 'gatehouse_stale_decisions_total{outcome="allowed"}'), 3);
  t.equal(logs.filter((line) => line.includes('older than max_staleness')).length, 1);
  t.equal(logs.filter((line) => line.includes('"stale":true')).length, 3);
  t.match((await admin('/ready'))[1], { revocations: { stale: true, synced: true } });
});

t.test('/live, /ready and /version tell the state of each part', async (t) => {
  const gateway = await start(t, { config: { shutdown_delay: '200ms' } });
  const { admin, feed, issuer } = gateway;
  feed.revoke({ kind: 'token', iss: issuer, jti: 'x', exp: 9e9 });
  t.strictSame(await admin('/live'), [200, { status: 'ok' }]);
  const [status, ready] = await admin('/ready');
  t.equal(status, 200);
  t.match(ready, {
    ready: true,
    shutting_down: false,
    config: { version: /^[0-9a-f]{12}$/ },
    issuers: { main: { state: 'ready', keys: 1, age_ms: Number } },
    revocations: { synced: true, stale: false, entries: 1, age_ms: Number },
    certificates: [
      { use: 'internal', file: /cert\.pem$/, days_left: 89 },
      { use: 'internal_ca', file: /ca\.pem$/, days_left: 3649 },
    ],
  });
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  t.strictSame(await admin('/version'), [
    200,
    {
      version,
      commit: process.env['GATEHOUSE_COMMIT'] ?? null,
      node: process.versions.node,
      config: (ready['config'] as { version: string }).version,
    },
  ]);
  const seconds = /gatehouse_certificate_expiry_seconds\{use="internal",file="[^"]+cert\.pem"\} (\d+)/;
  const [, left] = seconds.exec(await gateway.scrape()) ?? [];
  t.ok(Number(left) > 89 * 86_400 && Number(left) < 91 * 86_400, String(left));
  const stopped = gateway.gateway.stop();
  t.match(await admin('/ready'), [503, { ready: false, shutting_down: true }]);
  await stopped;
});

/** What of a route the metrics look at. */
const route = (id: string, upstream: string): Route => ({ id, upstream, access: 'public' }) as Route;

function outcome(changes: Partial<Outcome>): Outcome {
  return {
    request: {
      id: '',
      method: 'GET',
      target: '/',
      httpVersion: '1.1',
      remoteAddress: '',
      protocol: 'http',
      isUpgrade: false,
    },
    route: undefined,
    status: 200,
    problem: undefined,
    cut: undefined,
    decided: true,
    reported: undefined,
    issuer: undefined,
    subject: undefined,
    stale: false,
    transfer: { ...newTransfer(), sentAt: 5, answeredAt: 10 },
    startedAt: 0,
    endedAt: 20,
    ...changes,
  };
}

t.test('over a reload counts go on, and what has gone is no longer shown', async (t) => {
  const metrics = createMetrics();
  const requests = new RequestMetrics();
  requests.addTo(metrics);
  const [kept, gone] = [route('GET /kept', 'a'), route('GET /gone', 'b')];
  for (const each of [kept, gone]) requests.count(outcome({ route: each }));
  const next = route('GET /kept', 'c');
  requests.keepOnly([next]);
  requests.count(outcome({ route: next }));
  requests.count(outcome({ route: gone }));
  const { text } = await metrics.expose();
  t.match(text, 'gatehouse_requests_total{route="GET /kept",status_class="2xx"} 2');
  t.match(text, 'gatehouse_upstream_duration_seconds_count{upstream="c"} 1', 'it has another upstream now');
  t.notMatch(text, /gone|upstream="[ab]"/);
});

t.test('the histogram is one that Prometheus reads', async (t) => {
  const metrics = createMetrics();
  const requests = new RequestMetrics();
  requests.addTo(metrics);
  for (const endedAt of [0.4, 1, 30, 30, 60_000])
    requests.count(outcome({ route: route('r', 'a'), endedAt }));
  const { text } = await metrics.expose();
  const bucket = (le: string) =>
    valueIn(text, `gatehouse_request_duration_seconds_bucket{le="${le}",route="r"}`);
  t.strictSame(['0.001', '0.025', '0.05', '10', '+Inf'].map(bucket), [2, 2, 4, 4, 5]);
  t.equal(valueIn(text, 'gatehouse_request_duration_seconds_sum{route="r"}'), 60.0614);
  t.equal(valueIn(text, 'gatehouse_request_duration_seconds_count{route="r"}'), 5);
});

t.test('the page of operations and the gateway name the same metrics, with the same labels', async (t) => {
  const { url, token, feed, issuer, scrape } = await start(t, {
    config: { auth: { caller: { issuers: ['main'], scopes: ['nobody'] } } },
    routes: [
      {
        path: '/public/*',
        methods: ['GET'],
        auth: 'public',
        upstream: 'app',
        mirror: { upstream: 'bounded' },
      },
      { path: '/api/*', methods: ['GET'], auth: 'caller', upstream: 'app' },
    ],
    upstreams: (app) => ({
      bounded: {
        url: app,
        spiffe_id: 'spiffe://gatehouse.internal/app',
        circuit_breaker: {},
        concurrency: { max: 1 },
      },
    }),
  });
  feed.revoke({ kind: 'token', iss: issuer, jti: 'x', exp: 9e9 });
  await fetch(`${url}/public/x`);
  await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${token()}` } });
  const page = readFileSync('docs/operations.md', 'utf8');
  const documented = [...page.matchAll(/^\| `(gatehouse_[a-z_]+)` \|([^|]*)\|/gm)].map(
    ([, name, labels = '']) => `${name} ${[...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).join()}`,
  );
  const text = await scrape();
  const labelsOf = (name: string): string => {
    const [, labels = ''] = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\}`, 'm').exec(text) ?? [];
    return [...labels.matchAll(/(\w+)="/g)]
      .map(([, label]) => label)
      .filter((label) => label !== 'le')
      .join();
  };
  const exposed = [...text.matchAll(/^# TYPE (gatehouse_\w+)/gm)].map(
    ([, name = '']) => `${name} ${name === 'gatehouse_revocation_lag_seconds' ? '' : labelsOf(name)}`,
  );
  // Looked at in workers.test.ts.
  const withWorkers = [
    'gatehouse_workers state',
    'gatehouse_worker_crashes_total ',
    'gatehouse_worker_hangs_total ',
  ];
  t.strictSame(documented.sort(), [...exposed, ...withWorkers].sort());
});
