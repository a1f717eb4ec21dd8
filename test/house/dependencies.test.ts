import { readFileSync } from 'node:fs';
import t from 'tap';
import { findUndeclared, findUnused, type Manifest, type Usage } from '../fixtures/dependency-rules.js';
import { isCode, isShipped, repositoryFiles } from '../fixtures/repository-files.js';

const files = repositoryFiles(process.cwd());

const readManifest = (path: string): Manifest => JSON.parse(readFileSync(path, 'utf8')) as Manifest;

const usage: Usage = {
  manifest: readManifest('package.json'),
  shipped: files.filter(isShipped),
  development: files.filter((file) => isCode(file) && !isShipped(file)),
  commands: files.filter(({ path }) => path.startsWith('.ci/')).map(({ text }) => text),
  binariesOf(name) {
    const { bin } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as {
      bin?: unknown;
    };
    return typeof bin === 'string' ? [name.split('/').at(-1) ?? name] : Object.keys(bin ?? {});
  },
};

/** The bench has a package.json of its own, for what nobody else needs. */
const isBench = ({ path }: { path: string }): boolean => path.startsWith('bench/');

t.test('every package that is imported is declared', async (t) => {
  const development = usage.development.filter((file) => !isBench(file));
  t.strictSame(findUndeclared({ ...usage, development }), []);
});

t.test('every package that the bench imports is declared, by it or by the whole', async (t) => {
  const { dependencies } = readManifest('bench/package.json');
  const manifest = { ...usage.manifest, dependencies: { ...usage.manifest.dependencies, ...dependencies } };
  const development = usage.development.filter(isBench);
  t.strictSame(findUndeclared({ ...usage, manifest, shipped: [], development }), []);
  t.strictSame(
    Object.keys(dependencies).filter(
      (name) =>
        !findUndeclared({ ...usage, shipped: [], development }).some((line) => line.endsWith(` ${name}`)),
    ),
    [],
    'and what it declares it needs',
  );
});

/** The programs of the docs, which tests run. */
const programs = files
  .filter(({ path }) => path.startsWith('docs/') && path.endsWith('.md'))
  .flatMap(({ path, text }) =>
    [...text.matchAll(/^```js\n(.*?)^```/gms)].map(([, program = '']) => ({ path, text: program })),
  );

t.test('every package that is declared is used', async (t) => {
  t.strictSame(findUnused({ ...usage, development: [...usage.development, ...programs] }), []);
});

t.test('an undeclared or unused package would be seen', async (t) => {
  const planted: Usage = {
    ...usage,
    manifest: {
      scripts: { check: 'lint .' },
      dependencies: { used: '1', idle: '1', 'only-in-tests': '1' },
      devDependencies: { 'dev-only': '1', linter: '1', '@types/used': '1', '@types/idle': '1' },
    },
    shipped: [
      { path: 'kit/a.ts', text: "import 'used/sub'; import 'dev-only'; import '@scope/undeclared/sub';" },
    ],
    development: [{ path: 'test/a.ts', text: "import 'only-in-tests'; import 'used'; import 'unknown';" }],
    commands: [],
    binariesOf: (name) => (name === 'linter' ? ['lint'] : []),
  };
  t.strictSame(findUndeclared(planted), [
    'kit/a.ts imports dev-only',
    'kit/a.ts imports @scope/undeclared',
    'test/a.ts imports unknown',
  ]);
  t.strictSame(findUnused(planted), ['idle', 'only-in-tests', '@types/idle']);
});
