/**
 * Runs the tests: `node test/run.js [--timeout=seconds] [files or folders…]`. Prints a line per file, failures in full,
 * and as its last line `N passed, N failed`, counted in test cases: a test without tests inside it, as tap itself
 * reported it. Fails when one failed, when none ran, and under CI=true when one was skipped. A file that is no
 * TypeScript is run as it is.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleOf, bundleTests } from './runner/bundle-tests.js';
import { printFile, printSkipped } from './runner/print-report.js';
import { runFiles } from './runner/run-files.js';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Files that take longest, and start first: at the end of a run, nobody waits for one of them. */
const LONGEST = ['test/browser/', 'test/e2e/', 'test/embedded/', 'test/docs/', 'test/cli/', 'test/security/'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  // Generous, for machines with other work on them; a test that hangs is still found.
  options: { timeout: { type: 'string', default: '180' } },
});
const startedAt = performance.now();
const report = { passed: 0, failed: 0, skipped: [] };
const files = positionals.length > 0 ? positionals.flatMap(filesIn) : allFiles();
await run(files);
conclude();

async function run(files) {
  const sources = files.filter((file) => file.endsWith('.ts'));
  const bundles = sources.length > 0 ? await bundleTests(ROOT, sources) : undefined;
  // Also when it is interrupted.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  process.once('exit', () => bundles && rmSync(bundles, { recursive: true, force: true }));
  const programs = files.map((name) => ({
    name,
    program: sources.includes(name) ? bundleOf(bundles, name) : name,
  }));
  await runFiles(programs, { cwd: ROOT, timeoutSeconds: Number(values.timeout), onDone: add });
}

function allFiles() {
  const files = filesIn('test').filter((file) => !file.startsWith('test/long/'));
  const takesLong = (file) => LONGEST.some((folder) => file.startsWith(folder));
  return [...files.filter(takesLong), ...files.filter((file) => !takesLong(file))];
}

/** The test files of a folder; anything else as it is. */
function filesIn(argument) {
  if (!statSync(join(ROOT, argument), { throwIfNoEntry: false })?.isDirectory()) return [argument];
  return readdirSync(join(ROOT, argument), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(argument, name))
    .sort();
}

function add(name, counts, timeMs) {
  report.passed += counts.passed;
  report.failed += counts.failed;
  report.skipped.push(...counts.skipped);
  printFile(name, counts, timeMs);
}

function conclude() {
  const mayNotSkip = process.env['CI'] === 'true';
  if (report.skipped.length > 0) printSkipped(report.skipped, mayNotSkip);
  if (report.passed + report.failed === 0) console.log('\n✗ no test ran');
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const skipped = report.skipped.length > 0 ? `, ${report.skipped.length} skipped` : '';
  console.log(`\ntook ${seconds} s`);
  console.log(`${report.passed} passed, ${report.failed} failed${skipped}`);
  const isGood = report.failed === 0 && report.passed > 0 && !(mayNotSkip && report.skipped.length > 0);
  process.exitCode = isGood ? 0 : 1;
}
