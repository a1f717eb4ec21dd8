import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runExpectations } from '../../../gateway/index.js';
import { packageRoot } from '../../../kit/package-root.js';

const CONFIG = join(packageRoot(), 'config', 'gateway.yaml');

t.test('the default config keeps what it promises, with a request for each route', async (t) => {
  const file = join(packageRoot(), 'config', 'gateway.test.yaml');
  const { results, untested } = await runExpectations(file, undefined, {});
  t.strictSame(
    results.filter(({ differences }) => differences.length > 0),
    [],
  );
  t.strictSame(untested, []);
  t.ok(results.length > 50);
});

const run = async (t: Test, ...tests: string[]) => {
  const file = join(t.testdir(), 'tests.yaml');
  writeFileSync(file, `tests:\n${tests.map((test) => `  - ${test}`).join('\n')}\n`);
  return runExpectations(file, CONFIG, {});
};

t.test('what does not hold says where it is written, what was expected and what would happen', async (t) => {
  const { results, untested } = await run(
    t,
    "'GET /api/orders as {scopes: [orders:read]} -> 200 from profile'",
    "'GET /api/orders → 200 from orders'",
    "'GET /api/orders → 403 insufficient_scope'",
    "'GET /api/orders → 403'",
    '{ request: GET /public/echo/x, expect: 200, route: other, sends: GET /x, upstream_headers: { Via: x } }',
  );
  t.strictSame(
    results.map(({ source, differences }) => [source.replace(/.*:/, ''), ...differences]),
    [
      ['2', 'outcome: expected forwarded to profile, found forwarded to orders'],
      ['3', 'outcome: expected forwarded to orders, found 401 credentials_missing'],
      ['4', 'outcome: expected 403 insufficient_scope, found 401 credentials_missing'],
      ['5', 'status: expected 403, found 401'],
      [
        '6',
        'status: expected 200, found forwarded to echo',
        'route: expected other, found GET|POST|PUT|PATCH|DELETE|OPTIONS /public/echo/*',
        'sends: expected GET /x, found GET /public/echo/x',
        'header Via: expected x, found 1.1 gatehouse',
      ],
    ],
  );
  t.ok(untested.includes('GET /api/profile'));
});

t.test('a line that is no expectation is an error with its place', async (t) => {
  await t.rejects(run(t, "'GET /api/orders gives 200'"), { message: /tests\.yaml:2 is no expectation/ });
  await t.rejects(run(t, '{ request: GET /, expect: 200, as: { scope: [a] } }'), { message: /scope/ });
});
