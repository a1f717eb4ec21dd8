import t from 'tap';
import { findCycles, findViolations } from '../fixtures/import-rules.js';
import { isCode, repositoryFiles } from '../fixtures/repository-files.js';

const sources = repositoryFiles(process.cwd()).filter(
  (file) => isCode(file) && !file.path.startsWith('test/'),
);

t.test('the house keeps its import rules', async (t) => {
  t.ok(sources.length > 50, 'the sources were found');
  t.strictSame(findViolations(sources), []);
});

t.test('there are no import cycles', async (t) => {
  t.strictSame(findCycles(sources), []);
});

const breaches: [path: string, text: string, why: string][] = [
  [
    'gateway/http/a.ts',
    "import { a } from '../../auth-service/index.js';",
    'gateway may not import auth-service',
  ],
  [
    'auth-service/tokens/a.ts',
    "export * from '../../gateway/index.js';",
    'auth-service may not import gateway',
  ],
  ['kit/a.ts', "const a = await import('../gateway/index.js');", 'kit may not import gateway'],
  ['contracts/a.ts', "import type { A } from '../kit/clock.js';", 'contracts may not import kit'],
  ['client/a.ts', "import { a } from '../kit/clock.js';", 'client may not import kit'],
  ['client/a.ts', "import { decodeJwt } from 'jose';", 'depends on nothing'],
  ['upstream-kit/a.ts', "import { type FastifyInstance } from 'fastify';", 'depends on nothing'],
  [
    'upstream-stubs/a.ts',
    "import { a } from '../embedded/index.js';",
    'upstream-stubs may not import embedded',
  ],
  ['embedded/a.ts', "import { a } from '../gateway/compose.js';", 'only gateway/index.ts is for others'],
  ['cli/a.ts', "import { a } from '../embedded/postgres.js';", 'only embedded/index.ts is for others'],
  ['gateway/pipeline/a.ts', "import type { FastifyRequest } from 'fastify';", 'the pipeline does no I/O'],
  ['gateway/pipeline/a.ts', "import { readFile } from 'fs/promises';", 'the pipeline does no I/O'],
  [
    'gateway/pipeline/a.ts',
    "type A = import('../routing/compile.js').A;",
    'may not import this of gateway/routing',
  ],
  [
    'gateway/http/a.ts',
    "import { a } from '../adapters/metrics.js';",
    'may not import this of gateway/adapters',
  ],
  ['gateway/http/a.ts', "import { a } from '../compose.js';", 'on top'],
  [
    'gateway/adapters/a.ts',
    "import { a } from '../pipeline/verify-token.js';",
    'may not import this of gateway/pipeline',
  ],
  [
    'gateway/routing/a.ts',
    "import { a } from '../adapters/metrics.js';",
    'may not import this of gateway/adapters',
  ],
];

t.test('a breach of each rule is seen, with its line', async (t) => {
  for (const [path, text, why] of breaches) {
    const [violation = 'not seen'] = findViolations([{ path, text: `// first line\n${text}` }]);
    t.ok(
      violation.startsWith(`${path}:2 imports `) && violation.includes(why),
      `${path}: ${text} — ${violation}`,
    );
  }
});

t.test('what the rules allow is left alone', async (t) => {
  const allowed: [path: string, text: string][] = [
    ['embedded/a.ts', "import { a } from '../gateway/index.js';"],
    ['upstream-kit/fastify-identity.ts', "import type { FastifyInstance } from 'fastify';"],
    ['upstream-kit/a.ts', "import { createServer } from 'node:https';"],
    ['gateway/adapters/a.ts', "import { a } from '../pipeline/ports.js';"],
    ['gateway/adapters/a.ts', "import type { A } from '../pipeline/states.js';"],
    ['gateway/http/a.ts', "import { a } from '../pipeline/handle-request.js';"],
    ['gateway/compose.ts', "import { a } from './adapters/metrics.js';"],
  ];
  t.strictSame(findViolations(allowed.map(([path, text]) => ({ path, text }))), []);
});

t.test('a cycle is seen, however long', async (t) => {
  const files = [
    { path: 'kit/a.ts', text: "import { b } from './b.js';" },
    { path: 'kit/b.ts', text: "export { c } from './c.js';" },
    { path: 'kit/c.ts', text: "import type { A } from './a.js';" },
  ];
  t.strictSame(findCycles(files), ['kit/a.ts → kit/b.ts → kit/c.ts → kit/a.ts']);
});
