import { Readable } from 'node:stream';
import t from 'tap';
import { commandTable } from '../../cli/completion/command-table.js';
import { createProgram } from '../../cli/program.js';
import { run } from '../../cli/run.js';
import { atTerminal } from '../../cli/terminal.js';
import { buildCli, runCli } from '../fixtures/cli.js';

const RAW =
  '{"msg":"request","method":"GET","route":"GET /public/status","path":"/public/status","status":200}';
const OLD = 'config/gateway.yaml';

t.test('as a process: output, standard input, environment and exit codes', async (t) => {
  const cli = buildCli(t);
  const cases: [args: string[], env: Record<string, string>, input: string, expected: object][] = [
    [['--version'], {}, '', { code: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' }],
    [['lint', '--wrong'], {}, '', { code: 2, stdout: '', stderr: /^gatehouse: error: unknown option/ }],
    [['dry-run', '-', OLD, OLD], {}, RAW, { code: 0, stdout: /^1 requests replayed/, stderr: '' }],
    [['config', 'history'], { ADMIN_PORT: '1' }, '', { code: 1, stderr: /127\.0\.0\.1:1 does not answer/ }],
  ];
  await Promise.all(
    cases.map(async ([args, env, input, expected]) =>
      t.match(await cli.run(args, env, input), expected, args.join(' ')),
    ),
  );
});

t.test('within a process, commands keep to their own terminals', async (t) => {
  const exitCode = process.exitCode;
  const results = await Promise.all([
    runCli(['--version'], {}),
    runCli(['nonsense'], {}),
    runCli(['config', 'history'], { ADMIN_PORT: '1' }),
    runCli(['config', 'show'], { PORT: '1234' }),
  ]);
  t.strictSame(
    results.map(({ code }) => code),
    [0, 2, 1, 0],
  );
  t.match(results[3]?.stdout, /port: 1234/);
  t.equal(process.exitCode, exitCode, 'the process itself has not failed');
});

t.test('the help of every command has an example and its exit codes', async (t) => {
  const commands = commandTable(createProgram()).filter(({ words }) => words.length === 0);
  t.ok(commands.length > 30);
  for (const { name } of commands) {
    const { code, stdout } = await runCli([...name.split(' '), '--help'], {});
    t.equal(code, 0, name);
    t.match(stdout, /Examples?:\n {2}\S/, name);
    t.equal(stdout.match(/Exit codes:/g)?.length, 1, name);
  }
});

t.test('what no command foresees is not taken for an answer', async (t) => {
  const broken = {
    ...{ env: {}, stdin: Readable.from(['']), exitCode: 0, writeError: () => undefined },
    write: () => {
      throw new Error('no terminal');
    },
  };
  await t.rejects(
    atTerminal(broken, () => run(['routes'])),
    { message: 'no terminal' },
  );
});
