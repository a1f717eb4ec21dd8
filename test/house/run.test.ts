/** The runner's count and exit code: what everyone believes about the tests. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

interface Run {
  lastLine: string | undefined;
  code: number | null;
  stdout: string;
}

interface TestFile {
  /** What it prints. */
  tap: string;
  /** How it ends then. Default: well. */
  end?: string;
}

/** The runner's last line, exit code and report on one test file. */
function report(t: Test, { tap, end = '' }: TestFile, { ci = 'false', args = [] as string[] } = {}): Run {
  const file = join(temporaryFolder(t), 'a.test.mjs');
  writeFileSync(file, `process.stdout.write(${JSON.stringify(`TAP version 14\n${tap}`)}, () => {${end}});`);
  const { stdout, status } = spawnSync(process.execPath, ['test/run.js', ...args, file], {
    encoding: 'utf8',
    env: { ...process.env, CI: ci },
  });
  return { lastLine: stdout.trimEnd().split('\n').at(-1), code: status, stdout };
}

const GOOD = '# Subtest: works\n    ok 1 - first\n    ok 2 - second\n    1..2\nok 1 - works # time=1ms\n';
const SKIPPED = 'ok 2 - needs Redis # SKIP redis-server is not available here\n';
const BAD =
  '# Subtest: breaks\n    not ok 1 - first\n      ---\n      diff: |\n        -wanted\n        +got\n      ...\n    not ok 2 - second\n    1..2\nnot ok 2 - breaks\n';

t.test('a test case is a test without tests inside it, not an assertion', async (t) => {
  const nested = `# Subtest: outer\n${GOOD.replace(/^(?=.)/gm, '    ')}    1..1\nok 2 - outer\n`;
  t.match(report(t, { tap: `${GOOD}${nested}1..2\n` }), { lastLine: '2 passed, 0 failed', code: 0 });
});

t.test('a failed assertion fails its test once, and is shown in full', async (t) => {
  const run = report(t, { tap: `${GOOD}${BAD}1..2\n`, end: 'process.exitCode = 1' });
  t.strictSame([run.lastLine, run.code], ['1 passed, 1 failed', 1]);
  t.match(run.stdout, /breaks › first\n\s+diff:\n\s+-wanted\n\s+\+got/);
});

t.test('a file that breaks outside its tests is a failure of its own', async (t) => {
  const crash = report(t, { tap: `${GOOD}1..1\n`, end: 'process.exit(7)' });
  t.strictSame([crash.lastLine, crash.code], ['1 passed, 1 failed', 1]);
  t.match(crash.stdout, 'exitCode: 7');
  const killed = report(t, { tap: `${GOOD}1..1\n`, end: `process.kill(process.pid, 'SIGKILL')` });
  t.match(killed, { lastLine: '1 passed, 1 failed', code: 1, stdout: 'signal: SIGKILL' });
  const early = report(t, { tap: '1..0 # no tests found\n', end: 'process.exit(7)' });
  t.match(early, { lastLine: '0 passed, 1 failed', code: 1 });
});

t.test('a file that stops halfway with exit code 0 is a failure', async (t) => {
  t.match(report(t, { tap: GOOD }), { lastLine: '1 passed, 1 failed', code: 1, stdout: 'no plan' });
  t.match(report(t, { tap: `1..3\n${GOOD}` }), { lastLine: '1 passed, 1 failed', code: 1 });
});

t.test('a file that does not end is a failure', async (t) => {
  const hanging = { tap: `${GOOD}1..1\n`, end: 'setInterval(() => undefined, 1000)' };
  const run = report(t, hanging, { args: ['--timeout=0.5'] });
  t.match(run, { lastLine: /1 failed$/, code: 1, stdout: 'signal: SIGKILL' });
});

t.test('what was skipped is said loudly, and is a failure under CI', async (t) => {
  const file = { tap: `${GOOD}${SKIPPED}1..2\n` };
  const { lastLine, code, stdout } = report(t, file);
  t.strictSame([lastLine, code], ['1 passed, 0 failed, 1 skipped', 0]);
  t.match(stdout, '1 × redis-server is not available here');
  t.equal(report(t, file, { ci: 'true' }).code, 1);
});

t.test('a test that asserts nothing does not pass', async (t) => {
  const empty = '# Subtest: empty\n    1..0\nok 2 - empty\n';
  const { lastLine, code } = report(t, { tap: `${GOOD}${empty}1..2\n` }, { ci: 'true' });
  t.strictSame([lastLine, code], ['1 passed, 0 failed, 1 skipped', 1]);
});

t.test('no tests at all, and a bail-out, are failures', async (t) => {
  t.match(report(t, { tap: '1..0\n' }), { lastLine: '0 passed, 0 failed, 1 skipped', code: 1 });
  const bailedOut = report(t, { tap: `${GOOD}Bail out! out of memory\n` });
  t.match(bailedOut, { lastLine: '1 passed, 1 failed', code: 1, stdout: 'out of memory' });
});
