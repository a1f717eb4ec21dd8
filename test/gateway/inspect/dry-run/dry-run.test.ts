import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import {
  type DryRunReport,
  dryRun,
  loadGatewayConfig,
  type OfflineGateway,
  offlineGateway,
} from '../../../../gateway/index.js';
import { eventually } from '../../../fixtures/eventually.js';
import { temporaryFolder } from '../../../fixtures/temporary-folder.js';
import { startTestGateway } from '../../../fixtures/test-gateway.js';

const LIST = {
  path: '/orders',
  methods: ['GET'],
  auth: { profile: 'caller', scopes: ['read'] },
  upstream: 'app',
};
const ONE = {
  path: '/orders/:id',
  methods: ['GET', 'PUT'],
  auth: { profile: 'caller', claims: { sub: { param: 'id' } } },
  upstream: 'app',
};
const OPEN = { path: '/open', methods: ['GET'], auth: 'public', upstream: 'app' };
const BETA = { ...LIST, path: '/beta', hosts: ['api.example.com'], headers: { 'x-beta': 'yes' } };
const ROUTES = [LIST, ONE, OPEN, BETA];

function gatewayOf(t: Test, routes: object[], changes: object = {}): Promise<OfflineGateway> {
  const issuer = (name: string) => ({
    issuer: `https://${name}.test`,
    audience: 'a',
    jwks_uri: `https://${name}.test/jwks`,
  });
  const target = { url: 'https://127.0.0.1:2', spiffe_id: 'spiffe://gatehouse.internal/app' };
  const file = join(temporaryFolder(t), 'gateway.yaml');
  writeFileSync(
    file,
    stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      internal_tls: { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' },
      issuers: { main: issuer('main'), other: issuer('other') },
      revocation: { feed_url: 'https://127.0.0.1:1', feed_spiffe_id: 'spiffe://gatehouse.internal/auth' },
      upstreams: { app: target, next: target },
      auth: { caller: { issuers: ['main', 'other'] } },
      routes,
      ...changes,
    }),
  );
  return offlineGateway(loadGatewayConfig(file, {}));
}

async function* textOf(lines: readonly (object | string)[]): AsyncGenerator<string> {
  for (const line of lines)
    yield typeof line === 'string' ? line : JSON.stringify({ msg: 'request', ...line });
}

const served = { method: 'GET', status: 200, issuer: 'main' };
const list = { ...served, route: 'GET /orders', path: '/orders' };
const one = { ...served, route: 'GET|PUT /orders/:id', path: '/orders/ann' };
const open = { method: 'GET', status: 200, route: 'GET /open', path: '/open' };
const beta = { ...served, route: 'GET api.example.com/beta [x-beta=yes]', path: '/beta' };
const refused = (line: object, status: number, code: string) => ({ ...line, status, code });

const shown = ({ groups }: DryRunReport): string[] =>
  groups.map(({ change, count, before, after }) => `${change} ${count} ${before.verdict} → ${after.verdict}`);

t.test('the same config, or one that says the same otherwise: nothing changes', async (t) => {
  const lines = [
    ...[list, one, open, beta, refused(list, 403, 'insufficient_scope'), refused(one, 401, 'token_expired')],
    ...[refused(list, 401, 'credentials_missing'), refused(list, 502, 'upstream_reset')],
    ...[{ method: 'GET', path: '/none', status: 404, code: 'route_not_found' }],
  ];
  const other = [
    { ...OPEN, timeout: '9s' },
    {
      ...ONE,
      path: '/orders/:key',
      methods: ['GET'],
      auth: { profile: 'caller', claims: { sub: { param: 'key' } } },
    },
    ...[BETA, LIST],
  ];
  const report = await dryRun(textOf(lines), await gatewayOf(t, ROUTES), await gatewayOf(t, other));
  t.strictSame(shown(report), []);
  t.match(report, { same: true, replayed: lines.length, changed: 0, groups: [], odd: 0 });
});

t.test('who was let in had what the old route asks for; more than that is not known', async (t) => {
  const before = await gatewayOf(t, ROUTES);
  const against = async (routes: object[], lines: object[], changes: object = {}) =>
    shown(await dryRun(textOf(lines), before, await gatewayOf(t, routes, changes)));
  const auth = (more: object) => ({ auth: { profile: 'caller', ...more } });
  const cases: [name: string, routes: object[], lines: object[], expected: string[], changes?: object][] = [
    [
      'a further scope',
      [{ ...LIST, ...auth({ scopes: ['read', 'list'] }) }],
      [list, list, refused(list, 403, 'insufficient_scope'), refused(list, 401, 'credentials_missing')],
      ['may_refuse 2 forwarded to app → 403 insufficient_scope'],
    ],
    [
      'no scope any more',
      [{ ...LIST, auth: 'caller' }],
      [list, refused(list, 403, 'insufficient_scope'), refused(list, 401, 'token_expired')],
      ['opened 1 403 insufficient_scope → forwarded to app'],
    ],
    [
      'another scope',
      [{ ...LIST, ...auth({ scopes: ['list'] }) }],
      [list, refused(list, 403, 'insufficient_scope')],
      [
        'may_open 1 403 insufficient_scope → 403 insufficient_scope',
        'may_refuse 1 forwarded to app → 403 insufficient_scope',
      ],
    ],
    [
      'public now',
      [{ ...LIST, auth: 'public' }],
      [list, refused(list, 401, 'credentials_missing'), refused(list, 401, 'token_revoked')],
      [
        'opened 1 401 credentials_missing → forwarded to app',
        'opened 1 401 token_revoked → forwarded to app',
      ],
    ],
    [
      'no longer public',
      [{ ...OPEN, auth: 'caller' }],
      [open],
      ['may_refuse 1 forwarded to app → needs auth'],
    ],
    ['gone', [OPEN], [list], ['refused 1 forwarded to app → 404 route_not_found']],
    [
      'elsewhere',
      [{ ...LIST, upstream: 'next' }],
      [list],
      ['destination 1 forwarded to app → forwarded to next'],
    ],
    [
      'its issuer gone, which the log names',
      ROUTES,
      [list, { ...list, issuer: 'other' }],
      ['refused 1 forwarded to app → 401 token_claims'],
      { auth: { caller: { issuers: ['other'] } } },
    ],
    [
      'a path of its own parameter goes on meeting the rule; another rule may not',
      [{ ...ONE, ...auth({ roles: ['admin'] }) }],
      [one, { ...one, path: '/orders/bob' }],
      ['may_refuse 2 forwarded to app → 403 insufficient_role'],
    ],
    [
      'Host and headers are those of the route that the log names',
      [{ ...BETA, headers: { 'x-beta': 'no' } }],
      [beta],
      ['refused 1 forwarded to app → 404 route_not_found'],
    ],
    [
      'a new route for what was not found',
      [{ path: '/none', methods: ['GET'], auth: 'public', upstream: 'app' }],
      [{ method: 'GET', path: '/none', status: 404, code: 'route_not_found' }],
      ['opened 1 404 route_not_found → forwarded to app'],
    ],
    [
      'another route with the same verdict',
      [{ ...OPEN, path: '/*' }],
      [open],
      ['route 1 forwarded to app → forwarded to app'],
    ],
    [
      'refused by report_only before, and for good now',
      [LIST],
      [{ ...list, reportOnly: { code: 'insufficient_scope' } }],
      ['refused 1 forwarded to app (report only: insufficient_scope) → 403 insufficient_scope'],
    ],
  ];
  for (const [name, routes, lines, expected, changes] of cases) {
    if (!name.startsWith('refused by report'))
      t.strictSame(await against(routes, lines, changes), expected, name);
    else {
      const lax = await gatewayOf(t, [{ ...LIST, ...auth({ scopes: ['read'], report_only: true }) }]);
      const report = await dryRun(textOf(lines), lax, await gatewayOf(t, routes));
      t.strictSame(shown(report), expected, name);
    }
  }
});

t.test('what is no request, or not enough of one, is counted and not guessed at', async (t) => {
  const gateway = await gatewayOf(t, ROUTES);
  const lines = [
    ...['', '{"half', '[1]', 'null', { msg: 'config applied' }],
    ...[
      { ...one, path: '/orders/:id' },
      { ...list, path: undefined },
      { ...open, path: `/${'x'.repeat(1023)}` },
    ],
    { method: 'OPTIONS', status: 204, route: 'GET /open', path: '/open' },
    { ...list, route: 'GET /of-another-config' },
  ];
  const report = await dryRun(textOf(lines), gateway, gateway);
  t.strictSame(report.skipped, { bad: 3, other: 2, no_path: 2, shortened: 1, preflight: 1 });
  t.match(report, { same: true, replayed: 1, odd: 1 });
});

t.test('of a request that came to another route then, nothing is said about its caller', async (t) => {
  const [before, after] = [await gatewayOf(t, ROUTES), await gatewayOf(t, [{ ...LIST, auth: 'caller' }])];
  const report = await dryRun(textOf([{ ...list, route: 'GET /elsewhere' }]), before, after);
  t.strictSame(shown(report), ['may_open 1 needs auth → needs auth']);
});

t.test("a gateway's own log says the same of the config that it was written under", async (t) => {
  const test = await startTestGateway(t, { config: { log: { path: 'raw', subject: true } } });
  const { url, token, logs, configFile } = test;
  const as = { headers: { authorization: `Bearer ${token()}` } };
  const asked: [string, RequestInit?][] = [
    ...([['/public/a'], ['/api/orders/5?q=1', as], ['/api/x'], ['/none'], ['/api/%2e%2e/x', as]] as [
      string,
      RequestInit?,
    ][]),
    ['/api/x', { headers: { authorization: 'Bearer nonsense' } }],
    ['/public/a', { method: 'DELETE' }],
  ];
  for (const [path, init] of asked) await (await fetch(url + path, init)).arrayBuffer();
  const lines = () => logs.filter((line) => line.includes('"msg":"request"'));
  await eventually(
    async () => lines().length,
    (many) => many === asked.length,
  );
  const gateway = await offlineGateway(loadGatewayConfig(configFile, {}));
  const report = await dryRun(textOf(logs), gateway, gateway);
  t.match(report, { same: true, replayed: asked.length, odd: 0, skipped: { bad: 0, no_path: 0 } });
});
