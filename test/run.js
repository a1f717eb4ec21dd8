/**
 * Runs the tests: `node test/run.js [files or folders…]`. Prints a line per file, failures in full, and as its last
 * line `N passed, N failed`, counted in test cases: a test without tests inside it, as tap itself reported it. Fails
 * when one failed, when none ran, and under CI=true when one was skipped. `--stdin` reports the TAP that it is given.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { Parser } from 'tap-parser';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MAX_JOBS = 4;
const NOT_WORTH_PRINTING = new Set([
  'source',
  'stdio',
  'cwd',
  'command',
  'args',
  'externalID',
  'tapCaught',
  'at',
]);

const report = { passed: 0, failed: 0, skipped: [] };
const startedAt = performance.now();
const toolFailure =
  process.argv[2] === '--stdin' ? await readTap(process.stdin) : await runTap(process.argv.slice(2));
conclude(toolFailure);

/** Resolves with what is wrong with the run itself, if anything. */
async function runTap(files) {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve('tap/package.json');
  const bin = join(dirname(manifest), require(manifest).bin.tap);
  // One more than there are cores: most tests also wait, for processes and for time limits.
  const jobs = Math.min(availableParallelism() + 1, MAX_JOBS);
  const args = [bin, 'run', '--reporter=tap', `--jobs=${jobs}`, ...files.flatMap(filesIn)];
  const tap = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const [broken, [code, signal]] = await Promise.all([readTap(tap.stdout), once(tap, 'close')]);
  if (broken !== undefined) return broken;
  if (signal !== null) return `the test runner was ended by ${signal}`;
  if (code !== 0 && report.failed === 0 && report.passed > 0)
    return `the test runner failed with exit code ${code}`;
}

/** The test files of a folder, which tap itself looks through for JavaScript only; anything else as it is. */
function filesIn(argument) {
  const folder = join(ROOT, argument);
  if (argument.startsWith('-') || !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    return [argument];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(argument, name))
    .sort();
}

async function readTap(stream) {
  let bailout;
  const parser = new Parser();
  parser.on('bailout', (reason) => {
    bailout = `bailed out: ${reason}`;
  });
  watchFiles(parser);
  for await (const chunk of stream) parser.write(chunk);
  parser.end();
  return bailout;
}

/** The outermost level of tap's output: a test per file, each reported as soon as it is through. */
function watchFiles(parser) {
  const file = watchTest(parser, [], (counts, result) => {
    report.passed += counts.passed;
    report.failed += counts.failed;
    report.skipped.push(...counts.skipped);
    printFile(result.name, counts, result.time);
  });
  parser.on('complete', () => {
    report.skipped.push(...file.inner.skipped);
    report.failed += file.own.failures.length;
    for (const failure of file.own.failures) printFailure(failure);
  });
}

/** Collects one test; `onInner` gets the counts and the result of each test directly inside it. */
function watchTest(parser, path, onInner) {
  const test = { inner: emptyCounts(), own: { assertions: 0, failures: [] }, hasInner: false };
  let running;
  parser.on('child', (child) => {
    test.hasInner = true;
    const innerPath = [...path, child.name];
    const inner = watchTest(child, innerPath, (counts) => addCounts(inner.inner, counts));
    running = { inner, innerPath };
  });
  parser.on('extra', (text) => {
    test.inner.output += text;
  });
  parser.on('assert', (result) => {
    if (running !== undefined && result.closingTestPoint) {
      onInner(concludeTest(running.inner, result, running.innerPath), result);
      running = undefined;
    } else if (result.skip || result.todo) {
      test.inner.skipped.push({
        title: titleOf(path, result),
        reason: String(result.skip || 'to be written'),
      });
    } else {
      test.own.assertions += 1;
      if (!result.ok) test.own.failures.push({ title: titleOf(path, result), diag: result.diag });
    }
  });
  return test;
}

/**
 * The counts of a test, now that its own result is known. One that holds others counts only when it failed in a way
 * that none of them tells of: an assertion of its own, a crash, a time-out.
 */
function concludeTest({ inner: counts, own, hasInner }, result, path) {
  const isUnexplained = !result.ok && counts.failed === 0 && own.failures.length === 0;
  const failures = isUnexplained ? [{ title: path.join(' › '), diag: result.diag }] : own.failures;
  counts.failures.push(...failures);
  if (failures.length > 0) counts.failed += 1;
  else if (result.skip && counts.skipped.length === 0) {
    counts.skipped.push({ title: path.join(' › '), reason: String(result.skip) });
  } else if (!hasInner && own.assertions > 0) counts.passed += 1;
  else if (!hasInner && counts.skipped.length === 0) {
    counts.skipped.push({ title: path.join(' › '), reason: 'it asserts nothing' });
  }
  return counts;
}

function emptyCounts() {
  return { passed: 0, failed: 0, skipped: [], failures: [], output: '' };
}

function addCounts(to, from) {
  to.passed += from.passed;
  to.failed += from.failed;
  to.skipped.push(...from.skipped);
  to.failures.push(...from.failures);
  to.output += from.output;
}

function titleOf(path, result) {
  return [...path, result.name].join(' › ');
}

function printFile(name, counts, timeMs) {
  const parts = [`${counts.passed} passed`];
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  if (counts.skipped.length > 0) parts.push(`${counts.skipped.length} skipped`);
  const seconds = ((timeMs ?? 0) / 1000).toFixed(1);
  console.log(`${counts.failed > 0 ? 'FAIL' : 'ok  '} ${name}  ${parts.join(', ')}  ${seconds} s`);
  if (counts.failed === 0) return;
  for (const failure of counts.failures) printFailure(failure);
  console.log('');
  if (counts.output.trim() !== '')
    console.log(indent(`printed by the tests of this file:\n${indent(counts.output)}`));
}

function printFailure({ title, diag }) {
  console.log(`\n  ✗ ${title}`);
  const details = Object.entries(diag ?? {}).filter(([name]) => !NOT_WORTH_PRINTING.has(name));
  const { at } = diag ?? {};
  if (at?.fileName !== undefined) details.push(['at', `${at.fileName}:${at.lineNumber}:${at.columnNumber}`]);
  for (const [name, value] of details) {
    const text = typeof value === 'string' ? value.trimEnd() : inspect(value, { depth: 8, breakLength: 100 });
    console.log(indent(indent(text.includes('\n') ? `${name}:\n${indent(text)}` : `${name}: ${text}`)));
  }
}

function indent(text) {
  return text.trimEnd().replaceAll(/^/gm, '  ');
}

function printSkipped(mayNotSkip) {
  const reasons = new Map();
  for (const { reason, title } of report.skipped)
    reasons.set(reason, [...(reasons.get(reason) ?? []), title]);
  const what = `${report.skipped.length} tests did not run`;
  console.log(`\n!!! ${what}${mayNotSkip ? ', which CI=true does not accept' : ''}:`);
  for (const [reason, titles] of reasons) {
    console.log(`!!!   ${titles.length} × ${reason}`);
    for (const title of titles) console.log(`!!!       ${title}`);
  }
  console.log('!!! `npm run setup` installs what they need, or says how');
}

function conclude(toolFailure) {
  const mayNotSkip = process.env['CI'] === 'true';
  if (report.skipped.length > 0) printSkipped(mayNotSkip);
  if (toolFailure !== undefined) {
    report.failed += 1;
    console.log(`\n✗ ${toolFailure}`);
  }
  if (report.passed + report.failed === 0) console.log('\n✗ no test ran');
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const skipped = report.skipped.length > 0 ? `, ${report.skipped.length} skipped` : '';
  console.log(`\ntook ${seconds} s`);
  console.log(`${report.passed} passed, ${report.failed} failed${skipped}`);
  const isGood = report.failed === 0 && report.passed > 0 && !(mayNotSkip && report.skipped.length > 0);
  process.exitCode = isGood ? 0 : 1;
}
