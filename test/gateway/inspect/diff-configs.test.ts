import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { diffConfigs, loadGatewayConfig, offlineGateway } from '../../../gateway/index.js';
import { packageRoot } from '../../../kit/package-root.js';

const DEFAULT = readFileSync(join(packageRoot(), 'config', 'gateway.yaml'), 'utf8');

async function gatewayOf(t: Test, text: string) {
  const file = join(t.testdir(), 'gateway.yaml');
  writeFileSync(file, text);
  return offlineGateway(loadGatewayConfig(file, {}));
}

/** What `change` does to the default config, as `effect where: what`. */
async function diff(t: Test, change: (text: string) => string): Promise<string[]> {
  const changed = change(DEFAULT);
  t.not(changed, DEFAULT, 'the config has changed');
  const changes = diffConfigs(await gatewayOf(t, DEFAULT), await gatewayOf(t, changed));
  return changes.map(({ effect, where, what }) => `${effect} ${where}: ${what}`);
}

const add = (route: string) => (text: string) => `${text}  - ${route}\n`;
const replace = (from: string, to: string) => (text: string) => text.replace(from, to);

t.test('what is written otherwise and does the same is no change', async (t) => {
  t.strictSame(await diff(t, replace('/api/orders/:id', '/api/orders/:order')), []);
  const [profile, order] = ['caller, scopes: [orders:read] }', '/api/orders/:id'];
  const ruled = (name: string) => (text: string) =>
    text.replace(
      `${order}, methods: [GET], auth: { profile: ${profile}`,
      `/api/orders/:${name}, methods: [GET], auth: { profile: caller, claims: { sub: { param: ${name} } } }`,
    );
  const [one, other] = [ruled('id')(DEFAULT), ruled('who')(DEFAULT)];
  t.not(one, DEFAULT);
  t.strictSame(diffConfigs(await gatewayOf(t, one), await gatewayOf(t, other)), [], 'nor in a rule');
  const split = replace(
    '  - { path: /api/echo/*, methods: [GET, POST,',
    '  - { path: /api/echo/*, methods: [GET], auth: caller, upstream: echo }\n' +
      '  - { path: /api/echo/*, methods: [POST,',
  );
  t.strictSame(await diff(t, split), []);
  t.strictSame(await diff(t, (text) => `# a comment\n${text}`), []);
});

t.test('what opens a path comes first, even where it was only taken from another route', async (t) => {
  const opened = await diff(t, (text) =>
    add('{ path: /api/orders/export, methods: [GET], auth: public, upstream: echo }')(
      text.replace('scopes: [orders:write]', 'scopes: [orders:read]'),
    ),
  );
  t.strictSame(opened, [
    'opened GET /api/orders/export: needed auth, now anybody may call it',
    'weaker POST /api/orders: no longer needs the scopes orders:write',
    'stronger POST /api/orders: needs the scopes orders:read too',
    'destination GET /api/orders/export: orders → echo',
  ]);
  t.strictSame(await diff(t, replace('auth: admin,', 'auth: { profile: admin, report_only: true },')), [
    'opened GET|POST|PUT|PATCH|DELETE /api/admin/*: report only now: who was refused gets through, as anonymous',
  ]);
});

t.test('weaker and stronger are told apart, rule by rule', async (t) => {
  t.strictSame(await diff(t, replace('roles: [admin]', 'roles: [admin, support]')), [
    'weaker GET|POST|PUT|PATCH|DELETE /api/admin/*: needed one role of admin, now one role of admin, support',
  ]);
  t.strictSame(
    await diff(
      t,
      replace('/api/profile, methods: [GET], auth: caller', '/api/profile, methods: [GET], auth: admin'),
    ),
    ['stronger GET /api/profile: needs one role of admin'],
  );
  t.strictSame(
    await diff(
      t,
      replace('/public/status, methods: [GET], auth: public', '/public/status, methods: [GET], auth: caller'),
    ),
    ['stronger GET /public/status: was public, now needs auth'],
  );
  t.strictSame(
    await diff(
      t,
      replace('roles: [admin] }', 'roles: [admin], credentials: [bearer, api_key], on_stale: allow }'),
    ),
    [
      'weaker GET|POST|PUT|PATCH|DELETE /api/admin/*: accepts API keys in x-api-key too',
      'weaker GET|POST|PUT|PATCH|DELETE /api/admin/*: served while revocations are too old to go by',
    ],
  );
});

t.test('routes that come and go, limits, and what a running gateway does not take up', async (t) => {
  t.strictSame(await diff(t, add('{ path: /new, methods: [GET], auth: public, upstream: echo }')), [
    'added GET /new: public → echo',
  ]);
  t.strictSame(
    await diff(t, replace('upstream: profile }', 'upstream: profile, timeout: 5s, max_body: 2MiB }')),
    ['limits GET /api/profile: max_body: 1MiB → 2MiB', 'limits GET /api/profile: timeout: 30s → 5s'],
  );
  t.strictSame(await diff(t, replace('max_staleness: 10s', 'max_staleness: 1m')), [
    'settings revocation.max_staleness: "10s" → "1m"',
  ]);
  t.strictSame(await diff(t, (text) => text.replace(/redis_url: .*/, 'redis_url: redis://u:pass@r:1')), [
    'restart revocation.redis_url: "" → "redis://u:(secret)@r:1"; open connections end with the old process',
  ]);
  t.match(await diff(t, (text) => text.replace(/.*\/public\/status.*\n/, '')), [
    'removed GET /public/status: public → echo',
  ]);
});

t.test('a limit is told by what it holds routes to, not by where it stands', async (t) => {
  const profile = '/api/profile, methods: [GET], auth: caller, upstream: profile';
  const onProfile = (settings: string) => replace(profile, `${profile}, ${settings}`);
  const named = (limit: string) => (text: string) => `rate_limits: { api: ${limit} }\n${text}`;
  t.strictSame(await diff(t, onProfile('rate_limit: { requests: 5, per: 60s, burst: 2 }, cost: 2')), [
    'limits GET /api/profile: rate_limit: none → route: 5 in 1m by subject, 2 at once; costs 2',
  ]);
  t.strictSame(
    await diff(t, (text) =>
      named('{ requests: 5, per: 1m, by: client }')(onProfile('rate_limit: api')(text)),
    ),
    ['limits GET /api/profile: rate_limit: none → api: 5 in 1m by client'],
  );
  t.strictSame(await diff(t, named('{ requests: 5, per: 1m }')), [], 'no route is held to it');
  t.strictSame(await diff(t, onProfile('priority: low')), [
    'limits GET /api/profile: priority: normal → low',
  ]);
  t.strictSame(await diff(t, onProfile('body_on_get: allow')), [
    'other GET /api/profile: body_on_get: false → true',
  ]);
  t.strictSame(await diff(t, (text) => `overload: { in_flight: 5 }\n${text}`), [
    'settings overload.in_flight: none → 5',
  ]);
  t.strictSame(await diff(t, (text) => `limits: { concurrent_streams: 5 }\n${text}`), [
    'settings limits.concurrent_streams: none → 5',
  ]);
  t.strictSame(await diff(t, replace('listen:\n', 'listen:\n  http2: false\n')), [
    'restart listen.http2: none → false; open connections end with the old process',
  ]);
});

t.test('upstreams are told by what they do, and when their connections are made anew', async (t) => {
  const anew =
    'destination upstreams.profile: its connections are made anew: requests and streams under way end on the old ones';
  const settings = (text: string) => (config: string) =>
    config.replace(/^ {2}profile: \{(.*)\}$/m, (_, old: string) => `  profile: {${old}, ${text} }`);
  t.strictSame(await diff(t, settings('balance: least_requests, retry_budget: { percent: 20 }')), []);
  t.strictSame(await diff(t, settings('slow_start: 30s')), [
    anew,
    'limits upstreams.profile.slow_start: none → 30s',
  ]);
  t.strictSame(await diff(t, settings('balance: hash')), [
    anew,
    'limits upstreams.profile.balance: least_requests → hash on subject',
  ]);
  t.strictSame(await diff(t, settings('circuit_breaker: {}, connections: { idle: 10s }')), [
    anew,
    'limits upstreams.profile.connections: up to 1024, idle 4s, made in 3s, 1 ahead → up to 1024, idle 10s, made in 3s, 1 ahead',
    'limits upstreams.profile.circuit_breaker: none → at 50 % of 20 requests or more, 10s',
  ]);
  t.strictSame(await diff(t, settings('assertion: true')), [
    'other GET /api/profile: asserted: false → true',
    'other upstreams.profile.assertion: false → true',
  ]);
  const weighted = (canary: number) => (config: string) =>
    config.replace(
      /^upstreams:\n/m,
      `upstreams:\n  two: { targets: [{ url: 'https://a:1' }, { url: 'https://b:1', weight: ${canary} }], spiffe_id: 'spiffe://x/y' }\n`,
    );
  const changes = diffConfigs(
    await gatewayOf(t, weighted(5)(DEFAULT)),
    await gatewayOf(t, weighted(50)(DEFAULT)),
  );
  t.strictSame(
    changes.map(({ where, what }) => `${where}: ${what}`),
    ['upstreams.two.targets: https://a:1 (1), https://b:1 (5) → https://a:1 (1), https://b:1 (50)'],
    'weights keep all connections',
  );
  const route = 'upstream: profile }';
  t.strictSame(await diff(t, replace(route, 'upstream: profile, retries: 0, total_timeout: 1m }')), [
    'limits GET /api/profile: retries: 1 → 0',
    'limits GET /api/profile: total_timeout: none → 1m',
  ]);
});

t.test('where copies go is told as a destination', async (t) => {
  const mirrored = (mirror: string) =>
    gatewayOf(t, add(`{ path: /api/new, methods: [GET], auth: caller, upstream: orders${mirror} }`)(DEFAULT));
  const without = await mirrored('');
  const half = await mirrored(', mirror: { upstream: echo, percent: 50 }');
  const all = await mirrored(', mirror: { upstream: echo }');
  const whats = (before: typeof all, after: typeof all): string[] =>
    diffConfigs(before, after).map(({ effect, what }) => `${effect} ${what}`);
  t.strictSame(whats(without, half), ['destination mirror: none → 50 % to echo']);
  t.strictSame(whats(half, all), ['destination mirror: 50 % to echo → 100 % to echo']);
  const { route } = await half.explain({ method: 'GET', url: '/api/new' });
  t.strictSame(route?.mirror, { upstream: 'echo', percent: 50 }, 'and explained');
});
