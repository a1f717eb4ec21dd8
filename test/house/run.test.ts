/** The runner's count and exit code: what everyone believes about the tests. */
import { spawnSync } from 'node:child_process';
import t from 'tap';

/** The runner's last line, exit code and report on what tap printed. */
function report(
  tap: string,
  ci = 'false',
): { lastLine: string | undefined; code: number | null; stdout: string } {
  const { stdout, status } = spawnSync(process.execPath, ['test/run.js', '--stdin'], {
    input: tap,
    encoding: 'utf8',
    env: { ...process.env, CI: ci },
  });
  return { lastLine: stdout.trimEnd().split('\n').at(-1), code: status, stdout };
}

/** What tap prints for a file: lines of its tests, then the file's own result. */
const file = (lines: string, result = 'ok 1 - test/a.test.ts # time=5ms') =>
  `TAP version 14\n# Subtest: test/a.test.ts\n${lines.replace(/^(?=.)/gm, '    ')}\n${result}\n1..1\n`;

const GOOD = '# Subtest: works\n    ok 1 - first\n    ok 2 - second\n    1..2\nok 1 - works # time=1ms\n';
const SKIPPED = 'ok 2 - needs Redis # SKIP redis-server is not available here\n';

t.test('a test case is a test without tests inside it, not an assertion', async (t) => {
  const nested = `# Subtest: outer\n${GOOD.replace(/^(?=.)/gm, '    ')}    1..1\nok 2 - outer\n`;
  t.match(report(file(`${GOOD}${nested}1..2`)), { lastLine: '2 passed, 0 failed', code: 0 });
});

t.test('a failed assertion fails its test once, and is shown in full', async (t) => {
  const bad =
    '# Subtest: breaks\n    not ok 1 - first\n      ---\n      diff: |\n        -wanted\n        +got\n      ...\n    not ok 2 - second\n    1..2\nnot ok 2 - breaks\n';
  const { lastLine, code, stdout } = report(file(`${GOOD}${bad}1..2`, 'not ok 1 - test/a.test.ts'));
  t.strictSame([lastLine, code], ['1 passed, 1 failed', 1]);
  t.match(stdout, /breaks › first\n\s+diff:\n\s+-wanted\n\s+\+got/);
});

t.test('a file that breaks outside its tests is a failure of its own', async (t) => {
  const crash = 'not ok 1 - test/a.test.ts\n  ---\n  exitCode: 7\n  ...';
  const { lastLine, code, stdout } = report(file(`${GOOD}1..1`, crash));
  t.strictSame([lastLine, code], ['1 passed, 1 failed', 1]);
  t.match(stdout, 'exitCode: 7');
  t.match(report(file('1..0 # no tests found', crash)), { lastLine: '0 passed, 1 failed', code: 1 });
});

t.test('what was skipped is said loudly, and is a failure under CI', async (t) => {
  const tap = file(`${GOOD}${SKIPPED}1..2`);
  const { lastLine, code, stdout } = report(tap);
  t.strictSame([lastLine, code], ['1 passed, 0 failed, 1 skipped', 0]);
  t.match(stdout, '1 × redis-server is not available here');
  t.equal(report(tap, 'true').code, 1);
});

t.test('a test that asserts nothing does not pass', async (t) => {
  const empty = '# Subtest: empty\n    1..0\nok 2 - empty\n';
  const { lastLine, code } = report(file(`${GOOD}${empty}1..2`), 'true');
  t.strictSame([lastLine, code], ['1 passed, 0 failed, 1 skipped', 1]);
});

t.test('no tests at all, and a bail-out, are failures', async (t) => {
  t.match(report('TAP version 14\n1..0\n'), { lastLine: '0 passed, 0 failed', code: 1 });
  const bailedOut = file(`${GOOD}1..1`).replace(/1\.\.1\n$/, 'Bail out! out of memory\n');
  t.match(report(bailedOut), { lastLine: '1 passed, 1 failed', code: 1 });
});
