import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import Schema from 'typebox/schema';
import { parse } from 'yaml';
import { generatedFiles } from '../../cli/generate/files.js';
import { PROBLEMS } from '../../contracts/problem-codes.js';
import { packageRoot } from '../../kit/package-root.js';

const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8');

/** What could refuse a request. Not the table itself, and not what is made from it. */
const SOURCES = ['auth-service', 'contracts', 'gateway', 'kit', 'upstream-kit', 'upstream-stubs'];

function sourceText(): string {
  return SOURCES.flatMap((dir) =>
    readdirSync(join(packageRoot(), dir), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== 'problem-codes.ts')
      .map((file) => read(join(dir, file))),
  ).join('\n');
}

t.test('what is generated and committed is up to date', (t) => {
  for (const { path, content } of generatedFiles()) {
    t.ok(read(path) === content, `${path} is as npm run gen makes it`);
  }
  t.end();
});

t.test('the page of errors and the table of codes name the same codes', (t) => {
  const documented = [...read('docs/errors.md').matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code);
  t.strictSame(documented.sort(), Object.keys(PROBLEMS).sort());
  t.end();
});

t.test('each code of the table is used', (t) => {
  const source = sourceText();
  const unused = Object.keys(PROBLEMS).filter((code) => !source.includes(`'${code}'`));
  t.strictSame(unused, []);
  t.end();
});

t.test('the schema for editors', (t) => {
  const schema = JSON.parse(read('config/schema/gateway.schema.json')) as Record<string, unknown>;
  const text = read('config/gateway.yaml');
  const accepts = (from: string, to: string): boolean => {
    if (!text.includes(from)) throw new Error(`the config does not hold ${from}`);
    return Schema.Check(schema, parse(text.replace(from, to)));
  };
  t.ok(accepts('', ''), 'accepts the config as shipped, with its placeholders');
  t.ok(accepts('max_staleness: 10s', `max_staleness: \${STALE:-10s}`), 'a placeholder for a duration');
  t.ok(accepts('methods: [POST], auth: public', `methods: ["\${M}"], auth: public`), 'and for a choice');
  t.ok(accepts(`port: \${PORT:-8080}`, 'port: 8080'), 'a plain number');
  t.notOk(accepts(`port: \${PORT:-8080}`, 'port: 80800'), 'a number out of range');
  t.notOk(accepts(`port: \${PORT:-8080}`, 'port: $PORT'), 'what only looks like a placeholder');
  t.notOk(accepts('shutdown_delay:', 'shutdown_dealy:'), 'an unknown key');
  t.notOk(accepts('max_staleness: 10s', 'max_staleness: 10'), 'a duration without a unit');
  t.notOk(accepts('methods: [POST], auth: public, ', 'methods: [POST], '), 'a route without auth');
  t.equal(text.split('\n')[0], '# yaml-language-server: $schema=schema/gateway.schema.json');
  t.end();
});
