/**
 * Reads what a test file prints. Returns what to call once its process has ended: it gives the counts, in test cases: a
 * test without tests inside it.
 */
export function readReport(parser, name) {
  let results;
  let bailout;
  parser.on('complete', (given) => {
    results = given;
  });
  parser.on('bailout', (reason) => {
    bailout = reason;
  });
  const test = watchTest(parser, [name]);
  return ({ exitCode, signal }) => {
    const problems = {
      ...(bailout === undefined ? {} : { bailout }),
      ...(signal === null && exitCode === 0 ? {} : { exitCode, signal }),
      // Of the plan, say; what failed in it is told of already.
      ...(results?.ok === false ? { problems: results.failures.filter(({ tapError }) => tapError) } : {}),
    };
    const skip = results?.plan.skipAll && (results.plan.skipReason || 'no tests found');
    return concludeTest(test, { ok: Object.keys(problems).length === 0, skip, diag: problems }, [name]);
  };
}

/** Collects one test with those inside it. */
function watchTest(parser, path) {
  const test = { inner: emptyCounts(), own: { assertions: 0, failures: [] }, hasInner: false };
  let running;
  parser.on('child', (child) => {
    test.hasInner = true;
    const innerPath = [...path, child.name];
    running = { inner: watchTest(child, innerPath), innerPath };
  });
  parser.on('extra', (text) => {
    test.inner.output += text;
  });
  parser.on('assert', (result) => {
    if (running !== undefined && result.closingTestPoint) {
      addCounts(test.inner, concludeTest(running.inner, result, running.innerPath));
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
