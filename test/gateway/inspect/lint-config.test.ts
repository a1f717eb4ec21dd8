import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  ignoreFindings,
  type LintFinding,
  lintConfig,
  loadGatewayConfig,
  offlineGateway,
} from '../../../gateway/index.js';
import { packageRoot } from '../../../kit/package-root.js';

const DEFAULT = readFileSync(join(packageRoot(), 'config', 'gateway.yaml'), 'utf8');
const ROUTE = '/api/profile, methods: [GET], auth: caller, upstream: profile';

async function lint(t: Test, change: (text: string) => string): Promise<LintFinding[]> {
  const text = change(DEFAULT);
  t.not(text, DEFAULT, 'the config has changed');
  const file = join(t.testdir(), 'gateway.yaml');
  writeFileSync(file, text);
  return lintConfig(await offlineGateway(loadGatewayConfig(file, {})));
}

/** The findings that a change brings about, as `severity rule where`. */
async function added(t: Test, change: (text: string) => string): Promise<string[]> {
  const shown = ({ severity, rule, where }: LintFinding) => `${severity} ${rule} ${where}`;
  const before = new Set((await lint(t, (text) => `# as shipped\n${text}`)).map(shown));
  return (await lint(t, change)).map(shown).filter((finding) => !before.has(finding));
}

const onProfile = (settings: string) => (text: string) => text.replace(ROUTE, `${ROUTE}, ${settings}`);

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
    ['a long time', onProfile('timeout: 10m'), [`note long-timeout ${profile}`]],
    ['a large body', onProfile('max_body: 1GiB'), [`note large-body ${profile}`]],
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
    const findings = await lint(t, onProfile('idle_timeout: 0s'));
    const file = join(t.testdir({ 'ignore.yaml': '' }), 'ignore.yaml');
    writeFileSync(
      file,
      `ignore:
  - { rule: public-route, reason: reviewed }
  - { rule: no-idle-timeout, where: GET /api/profile, reason: it streams }
  - { rule: no-idle-timeout, where: GET /api/orders, reason: gone }
`,
    );
    const report = ignoreFindings(findings, file);
    const rules = new Set(report.findings.map(({ rule }) => rule));
    t.notOk(rules.has('public-route') || rules.has('no-idle-timeout'));
    t.equal(report.ignored + report.findings.length, findings.length);
    t.match(report.stale, [/no-idle-timeout.*\/api\/orders/]);
    t.strictSame(ignoreFindings(findings, undefined).findings, findings);
  },
);
