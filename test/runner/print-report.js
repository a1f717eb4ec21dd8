import { inspect } from 'node:util';

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

/** A line for a file that is through, and its failures in full. */
export function printFile(name, counts, timeMs) {
  const parts = [`${counts.passed} passed`];
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  if (counts.skipped.length > 0) parts.push(`${counts.skipped.length} skipped`);
  const seconds = (timeMs / 1000).toFixed(1);
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

export function printSkipped(skipped, mayNotSkip) {
  const reasons = new Map();
  for (const { reason, title } of skipped) reasons.set(reason, [...(reasons.get(reason) ?? []), title]);
  const what = `${skipped.length} tests did not run`;
  console.log(`\n!!! ${what}${mayNotSkip ? ', which CI=true does not accept' : ''}:`);
  for (const [reason, titles] of reasons) {
    console.log(`!!!   ${titles.length} × ${reason}`);
    for (const title of titles) console.log(`!!!       ${title}`);
  }
  console.log('!!! `npm run setup` installs what they need, or says how');
}
