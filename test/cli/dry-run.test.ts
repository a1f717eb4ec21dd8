import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readLines } from '../../cli/read-lines.js';
import { runCli } from '../fixtures/cli.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

const OLD = 'config/gateway.yaml';
const line = (more: object) => `${JSON.stringify({ msg: 'request', method: 'GET', status: 200, ...more })}\n`;
const STATUS = line({ route: 'GET /public/status', path: '/public/status' });
const MISSING = { status: 401, code: 'credentials_missing' };
const ADMIN = line({ route: 'GET|POST|PUT|PATCH|DELETE /api/admin/*', path: '/api/admin/x', ...MISSING });

t.test('gatehouse dry-run: from a file or standard input, exit codes 0, 2 and 1', async (t) => {
  const dir = temporaryFolder(t);
  const log = join(dir, 'access.log');
  writeFileSync(log, STATUS + ADMIN + ADMIN);
  const open = join(dir, 'new.yaml');
  writeFileSync(open, readFileSync(OLD, 'utf8').replace('auth: admin,', 'auth: public,'));

  const same = await runCli(['dry-run', log, OLD, OLD], {});
  t.match(same, { code: 0, stdout: /^3 requests replayed, 0 of them change/ });
  t.match(same.stdout, /The log holds no tokens/);

  const text = await runCli(['dry-run', '-', OLD, open], {}, `${STATUS}not JSON\n${ADMIN}${ADMIN.trimEnd()}`);
  t.equal(text.code, 2);
  t.match(text.stdout, /^WAS REFUSED, NOW SERVED\n {2}2 × GET \/api\/admin\/\*, such as \/api\/admin\/x\n/);
  t.match(
    text.stdout,
    /old: 401 credentials_missing {2}config\/gateway\.yaml:\d+\n {6}new: forwarded to echo/,
  );
  t.match(
    text.stdout,
    '3 requests replayed, 2 of them change or may change\nnot replayed: 1 lines that are no JSON',
  );

  const json = await runCli(['dry-run', log, OLD, open, '--json'], {});
  t.equal(json.code, 2);
  t.match(JSON.parse(json.stdout), {
    same: false,
    replayed: 3,
    changed: 2,
    groups: [{ change: 'opened', count: 2 }],
  });

  const pattern = line({ route: 'GET /api/orders/:id', path: '/api/orders/:id' });
  t.match(await runCli(['dry-run', '-', OLD, OLD], {}, pattern), {
    code: 1,
    stdout: '',
    stderr:
      /nothing to replay: the log has the paths of routes, not of requests\. Set `log: \{ path: raw \}`/,
  });
  t.match(await runCli(['dry-run', log, OLD, join(dir, 'none')], {}), {
    code: 1,
    stderr: /config_unreadable/,
  });
  t.match(await runCli(['dry-run', log, OLD], {}), { code: 2, stderr: /missing required argument 'new'/ });
});

t.test('a log is read line by line, and a line without end takes no memory', async (t) => {
  const file = join(temporaryFolder(t), 'access.log');
  writeFileSync(file, `one\n\u00e9\n${'x'.repeat(1_000_000)}`);
  const lengths: number[] = [];
  for await (const line of readLines(file)) lengths.push(line.length);
  t.strictSame(lengths, [3, 1, 65_536]);
  await t.rejects(
    async () => {
      for await (const line of readLines(`${file}.none`)) t.fail(line);
    },
    { message: /cannot read .*none: ENOENT/ },
  );
});
