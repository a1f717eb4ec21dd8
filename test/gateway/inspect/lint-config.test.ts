import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  ignoreFindings,
  LINT_RULES,
  type LintFinding,
  lintConfig,
  loadGatewayConfig,
  type OfflineGateway,
  offlineGateway,
} from '../../../gateway/index.js';
import { packageRoot } from '../../../kit/package-root.js';

const DEFAULT = readFileSync(join(packageRoot(), 'config', 'gateway.yaml'), 'utf8');
const ROUTE = '/api/profile, methods: [GET], auth: caller, upstream: profile';

function load(t: Test, change: (text: string) => string): Promise<OfflineGateway> {
  const text = change(DEFAULT);
  t.not(text, DEFAULT, 'the config has changed');
  const file = join(t.testdir(), 'gateway.yaml');
  writeFileSync(file, text);
  return offlineGateway(loadGatewayConfig(file, {}));
}

const lint = async (t: Test, change: (text: string) => string) => lintConfig(await load(t, change));

/** The findings that a change brings about, as `severity rule where`. */
async function added(t: Test, change: (text: string) => string): Promise<string[]> {
  const shown = ({ severity, rule, where }: LintFinding) => `${severity} ${rule} ${where}`;
  const before = new Set((await lint(t, (text) => `# as shipped\n${text}`)).map(shown));
  return (await lint(t, change)).map(shown).filter((finding) => !before.has(finding));
}

const onProfile = (settings: string) => (text: string) => text.replace(ROUTE, `${ROUTE}, ${settings}`);

const adminTls = (more: string) => (text: string) =>
  text.replace('admin:\n', `admin:\n  tls: { cert: a.pem, key: b.pem, client_ca: c.pem${more} }\n`);

t.test('what is allowed and worth a second look', async (t) => {
  const [profile, admin] = ['GET /api/profile', 'GET|POST|PUT|PATCH|DELETE /api/admin/*'];
  const cases: [string, (text: string) => string, string[]][] = [
    ['a wide CORS policy', onProfile("cors: { origins: ['*'] }"), [`warning wide-cors ${profile}`]],
    [
      'a plain origin',
      onProfile("cors: { origins: ['http://app.example.com'] }"),
      [`warning plain-origin ${profile}`],
    ],
    ['a development origin', onProfile("cors: { origins: ['http://localhost:5173'] }"), []],
    ['no idle time', onProfile('idle_timeout: 0s'), [`warning no-idle-timeout ${profile}`]],
    [
      'no idle time of streams',
      onProfile('stream_idle_timeout: 0s'),
      [`warning no-stream-idle-timeout ${profile}`],
    ],
    ['a long time', onProfile('timeout: 10m'), [`note long-timeout ${profile}`]],
    ['a large body', onProfile('max_body: 1GiB'), [`note large-body ${profile}`]],
    ['bodies on GET', onProfile('body_on_get: allow'), [`warning body-on-get ${profile}`]],
    ['the token to others', onProfile('forward_token: true'), [`warning token-forwarded ${profile}`]],
    [
      'nobody refused',
      (text) => text.replace('auth: admin,', 'auth: { profile: admin, report_only: true },'),
      [`error report-only ${admin}`],
    ],
    [
      'revoked tokens in an outage',
      (text) => text.replace('roles: [admin] }', 'roles: [admin], on_stale: allow }'),
      [`warning stale-allowed ${admin}`],
    ],
    [
      'a limit that nobody is held to',
      (text) => `rate_limits: { api: { requests: 1, per: 1s } }\n${text}`,
      ['note unused-rate-limit rate_limits.api'],
    ],
    ['any certificate at the admin listener', adminTls(''), ['warning admin-any-certificate admin.tls']],
    ['those of somebody', adminTls(', clients: [spiffe://gatehouse.internal/operator]'), []],
    [
      'any, with a token besides',
      (text) => adminTls('')(text).replace('ADMIN_TOKEN:-', `ADMIN_TOKEN:-${'t'.repeat(40)}`),
      [],
    ],
    [
      'HTTP/2 without TLS',
      (text) => text.replace('listen:\n', 'listen:\n  http2: true\n'),
      ['note http2-without-tls listen.http2'],
    ],
    [
      'no revocation',
      (text) => text.replace('revocation:\n', 'revocation:\n  mode: "off"\n'),
      ['error revocation-off revocation.mode'],
    ],
  ];
  for (const [name, change, expected] of cases) t.strictSame(await added(t, change), expected, name);
});

t.test('a policy that a route takes from the defaults counts like its own', async (t) => {
  const found = await added(t, (text) =>
    text.replace('\nroutes:\n', "\ndefaults:\n  cors: { origins: ['*'] }\n\nroutes:\n"),
  );
  t.ok(found.includes('warning wide-cors GET /api/profile'));
  t.ok(found.includes('warning wide-cors GET /public/status'));
});

t.test(
  'a list accepts findings by rule and place, with a reason, and says what it accepts in vain',
  async (t) => {
    const gateway = await load(t, onProfile('idle_timeout: 0s'));
    const findings = lintConfig(gateway);
    const file = join(t.testdir({ 'ignore.yaml': '' }), 'ignore.yaml');
    writeFileSync(
      file,
      `ignore:
  - { rule: public-route, reason: reviewed }
  - { rule: no-idle-timeout, where: GET /api/profile, reason: it streams }
  - { rule: no-idle-timeout, where: GET /api/orders, reason: gone }
`,
    );
    const report = ignoreFindings(findings, gateway, file);
    const rules = new Set(report.findings.map(({ rule }) => rule));
    t.notOk(rules.has('public-route') || rules.has('no-idle-timeout'));
    t.equal(report.ignored + report.findings.length, findings.length);
    t.match(report.stale, [/no-idle-timeout.*\/api\/orders/]);
    t.strictSame(ignoreFindings(findings, gateway, undefined).findings, findings);
  },
);

/** The default config with these routes in place of its own. */
const withRoutes = (routes: string) => (text: string) =>
  `${text.slice(0, text.indexOf('\nroutes:'))}\n${routes}`;

t.test('a comment above or beside what it is about accepts a finding there, and no other', async (t) => {
  const gateway = await load(t, (text) =>
    withRoutes(`# lint-ignore: no-such-rule, public-rout — first
routes:
  # lint-ignore: public-route — a page of status, reviewed in May
  # and one more line about it
  - { path: /one, methods: [GET], auth: public, upstream: echo }
  - { path: /two, methods: [GET], auth: public, upstream: echo } # lint-ignore: public-route -- the same
  - path: /three
    methods: [POST]
    # lint-ignore: public-route, public-no-rate-limit — sign-up, its upstream counts
    auth: public
    upstream: echo
  - { path: /four, methods: [GET], auth: public, upstream: echo } # lint-ignore: public-route
  - { path: /five, methods: [GET], auth: public, upstream: echo } # lint-ignore: wide-cors — not here
  - path: /six
    methods: [GET]
    auth: public
    reply:
      body: |
        # lint-ignore: public-route — a text
`)(
      text.replace(
        '    own: true',
        '    leeway: 5m # lint-ignore: long-leeway — clocks of branch offices\n    own: true',
      ),
    ),
  );
  const { findings, ignored, stale } = ignoreFindings(lintConfig(gateway), gateway, undefined);
  t.strictSame(
    findings.map(({ rule, where }) => `${rule} ${where}`),
    ['public-route GET /four', 'public-route GET /five', 'public-route GET /six'],
  );
  t.equal(ignored, 5);
  const { line } = gateway.options.place(['routes', 0]);
  const at = (offset: number) => `${gateway.options.file}:${line + offset}: `;
  t.strictSame(stale, [
    `${at(7)}write it as # lint-ignore: RULE — REASON`,
    `${at(-4)}there is no rule no-such-rule`,
    `${at(-4)}there is no rule public-rout: did you mean public-route?`,
    `${at(8)}there is no wide-cors here: remove the ignore`,
  ]);
});

t.test('a caller who chooses the route, and with it whether a token is needed', async (t) => {
  const wanted = ['condition-picks-access', 'host-fallback', 'host-fallback-public'];
  const found = async (routes: string) =>
    (await lint(t, withRoutes(routes)))
      .filter(({ rule }) => wanted.includes(rule))
      .map(({ rule, severity, where }) => `${severity} ${rule} ${where}`);
  t.strictSame(
    await found(`routes:
  - { path: /x/:id, methods: [GET, POST], auth: caller, upstream: echo }
  - { path: /x/:id, methods: [GET], headers: { x-beta: 'yes' }, auth: public, upstream: echo }
  - { path: /y, methods: [GET], auth: public, upstream: echo }
  - { path: /y, methods: [POST], auth: caller, upstream: echo }
  - { path: /z, methods: [GET], query: { v: '2' }, auth: caller, upstream: echo }
  - { path: /z, methods: [GET], auth: admin, upstream: echo }
`),
    ['warning condition-picks-access GET /x/:id [x-beta=yes]'],
    'not by methods, and not between two that need a token',
  );
  const hosts = `routes:
  - { path: /x, methods: [GET], hosts: [api.example.com], auth: caller, upstream: echo }
  - { path: /z, methods: [GET], hosts: [api.example.com], auth: caller, upstream: echo }
  - { path: /*, methods: [POST], hosts: ['*.example.com'], auth: public, upstream: echo }
  - { path: /x, methods: [DELETE], auth: caller, upstream: echo }
  - { path: /w, methods: [GET], hosts: [other.test], auth: public, upstream: echo }
`;
  t.strictSame(await found(hosts), [
    'warning host-fallback-public GET api.example.com/x',
    'warning host-fallback-public GET api.example.com/z',
    'note host-fallback GET api.example.com/x',
    'note host-fallback POST *.example.com/*',
    'note host-fallback GET other.test/w',
  ]);
  const message = (await lint(t, withRoutes(hosts))).map((finding) => finding.message).join('\n');
  t.match(message, /^POST of its paths goes to POST \*\.example\.com\/\* \(\S+:\d+\), which anybody/m);
  t.match(
    message,
    /^what api\.example\.com has no route for is answered by the 2 routes of wider hosts, 1 of/m,
  );
});

t.test('the page explains each rule with its severity', (t) => {
  const page = readFileSync(join(packageRoot(), 'docs', 'config-commands.md'), 'utf8');
  for (const [rule, severity] of Object.entries(LINT_RULES))
    t.match(page, new RegExp(`^\\| .*\`${rule}\`.* \\| ${severity} \\|`, 'm'), rule);
  t.end();
});
