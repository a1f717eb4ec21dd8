import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createProgram } from '../../cli/program.js';
import { lintConfig, loadGatewayConfig, offlineGateway } from '../../gateway/index.js';
import { packageRoot } from '../../kit/package-root.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const PAGE = readFileSync(join(packageRoot(), 'docs', 'config-commands.md'), 'utf8');
const DEFAULT = readFileSync(join(packageRoot(), 'config', 'gateway.yaml'), 'utf8');

/** Runs `gatehouse …` in this process: what it prints, and its exit code. */
async function run(t: Test, args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const writes = t.capture(process.stdout, 'write', () => true);
  process.exitCode = 0;
  await createProgram().parseAsync(['node', 'gatehouse', ...args]);
  writes.restore();
  const code = Number(process.exitCode);
  process.exitCode = 0;
  const stdout = writes()
    .map(({ args: [text] }) => String(text))
    .join('');
  return { code, stdout };
}

function blocks(language: string): string[] {
  return [...PAGE.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text ?? '');
}

/** Words as a shell would take them: quotes, no variables. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

t.test('every command on the page does what the page says', async (t) => {
  const dir = t.testdir({ 'new.yaml': DEFAULT.replace('auth: admin,', 'auth: public,') });
  const files = new Set(['new.yaml']);
  for (const text of blocks('yaml')) {
    const name = /^# (\S+)\n/.exec(text)?.[1] ?? '';
    writeFileSync(join(dir, name), text);
    files.add(name);
  }
  const { gateway } = await startTestGateway(t);
  const adminPort = process.env['ADMIN_PORT'];
  process.env['ADMIN_PORT'] = new URL(gateway.adminUrl).port;
  t.teardown(() => {
    if (adminPort === undefined) delete process.env['ADMIN_PORT'];
    else process.env['ADMIN_PORT'] = adminPort;
  });
  const lines = blocks('sh').flatMap((text) => text.trim().split('\n'));
  t.ok(lines.length >= 12);
  for (const line of lines) {
    const [command = '', exit = '0'] = line.split(/ # exit /);
    const [name, ...args] = words(command).map((word) => (files.has(word) ? join(dir, word) : word));
    t.equal(name, 'gatehouse');
    const { code, stdout } = await run(t, args);
    t.equal(code, Number(exit), `${line}\n${stdout}`);
    if (args.includes('--json')) t.type(JSON.parse(stdout), 'object', line);
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
  t.strictSame((await run(t, ['lint', '--config', file])).code, 1, 'report-only is an error');

  const { stdout } = await run(t, ['explain', 'GET', '/api/orders/5', '--as', 'ann:orders:read::user,admin']);
  t.match(stdout, /^GET \/api\/orders\/5 → forwarded to orders\n/);
  for (const header of [
    /x-identity-subject +ann/,
    /x-identity-scopes +orders:read/,
    /x-identity-roles +user admin/,
  ])
    t.match(stdout, header);
  const refused = await run(t, [
    'explain',
    'GET',
    '/api/orders',
    '--token',
    'eyJhbGciOiJub25lIn0.e30.c2VjcmV0',
  ]);
  t.match(refused.stdout, /^GET \/api\/orders → 401 token_alg/);
  t.notMatch(refused.stdout, /c2VjcmV0|eyJ/);
});
