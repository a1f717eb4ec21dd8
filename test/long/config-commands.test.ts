import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { lintConfig, loadGatewayConfig, offlineGateway } from '../../gateway/index.js';
import { packageRoot } from '../../kit/package-root.js';
import { runCli } from '../fixtures/cli.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const PAGE = readFileSync(join(packageRoot(), 'docs', 'config-commands.md'), 'utf8');
const DEFAULT = readFileSync(join(packageRoot(), 'config', 'gateway.yaml'), 'utf8');

function blocks(language: string): string[] {
  return [...PAGE.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text ?? '');
}

/** Words as a shell would take them: quotes, no variables. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

t.test('every command on the page does what the page says', async (t) => {
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'new.yaml'), DEFAULT.replace('auth: admin,', 'auth: public,'));
  const files = new Set(['new.yaml']);
  for (const text of [...blocks('yaml'), ...blocks('json')]) {
    const name = /^# (\S+)\n/.exec(text)?.[1] ?? '';
    writeFileSync(join(dir, name), text);
    files.add(name);
  }
  const { gateway } = await startTestGateway(t);
  const env = { ADMIN_PORT: new URL(gateway.adminUrl).port };
  const lines = blocks('sh').flatMap((text) => text.trim().split('\n'));
  t.ok(lines.length >= 12);
  for (const line of lines) {
    const [, ...args] = words(line.replace(/ # exit .*/, '')).map((word) =>
      files.has(word) ? join(dir, word) : word,
    );
    const { code, stdout, stderr } = await runCli(args, env);
    t.match(line, /^gatehouse /);
    t.equal(code, Number(/ # exit (.*)/.exec(line)?.[1] ?? 0), `${line}\n${stderr}`);
    if (line.includes('--json')) t.type(JSON.parse(stdout), 'object', line);
    else t.match(stdout, /\S/, line);
  }
});

t.test('the page names each lint rule there is, and explain prints verdict and headers', async (t) => {
  const text = DEFAULT.replace('auth: admin,', 'auth: { profile: admin, report_only: true },').replace(
    '/api/ws, methods: [GET],',
    '/api/ws, methods: [GET], forward_token: true, idle_timeout: 0s, timeout: 1h, max_body: 1GiB,',
  );
  const file = join(t.testdir({ 'gateway.yaml': text }), 'gateway.yaml');
  const findings = lintConfig(await offlineGateway(loadGatewayConfig(file, {})));
  const linted = await runCli(['lint', '--config', file], {});
  const { stdout } = await runCli(
    ['explain', 'GET', '/api/orders/5', '--as', 'ann:orders:read::user,admin'],
    {},
  );
  const refused = await runCli(
    ['explain', 'GET', '/api/orders', '--token', 'eyJhbGciOiJub25lIn0.e30.c2VjcmV0'],
    {},
  );
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
  t.strictSame(rules, [
    ...[
      'any-caller',
      'large-body',
      'long-timeout',
      'no-idle-timeout',
      'public-no-rate-limit',
      'public-route',
    ],
    ...['public-wildcard', 'report-only', 'token-forwarded'],
  ]);
  for (const rule of rules) t.ok(PAGE.includes(`\`${rule}\``), rule);
  t.strictSame(linted.code, 1, 'report-only is an error');
  t.match(stdout, /^GET \/api\/orders\/5 → forwarded to orders\n/);
  for (const header of [
    /x-identity-subject +ann/,
    /x-identity-scopes +orders:read/,
    /x-identity-roles +user admin/,
  ])
    t.match(stdout, header);
  t.match(refused.stdout, /^GET \/api\/orders → 401 token_alg/);
  t.notMatch(refused.stdout, /c2VjcmV0|eyJ/);
});
