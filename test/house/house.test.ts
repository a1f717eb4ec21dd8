import t from 'tap';
import { findBreaches } from '../fixtures/house-rules.js';
import { repositoryFiles } from '../fixtures/repository-files.js';

t.test('every file keeps the rules of the house', async (t) => {
  const files = repositoryFiles(process.cwd());
  t.ok(files.length > 100, 'the files were found');
  t.strictSame(files.flatMap(findBreaches), []);
});

t.test('a breach of each rule would be seen', async (t) => {
  const dot = '.';
  const planted: [path: string, text: string, breach: string][] = [
    ['kit/readFile.ts', '', 'not in kebab-case'],
    ['kit/long.ts', 'a;\n'.repeat(301), '301 lines'],
    ['gateway/a.ts', `\n  console${dot}log(1);`, ':2: prints'],
    ['gateway/a.ts', `// TO${''}DO: later`, ':1: unfinished'],
    ['test/a.test.ts', `t${dot}skip('x');`, ':1: a test that is left out'],
    ['test/a.test.ts', `t.test('x', { on${''}ly: true });`, ':1: a test that is left out'],
    ['docs/a.md', `see ${'/wo'}rk/main/kit`, ':1: a path of one machine'],
    ['config/a.yaml', `path: ${'/ho'}me/alice/keys`, ':1: a path of one machine'],
  ];
  for (const [path, text, breach] of planted)
    t.match(findBreaches({ path, text }).join(), breach, `${path} ${text.slice(0, 30)}`);
});

t.test('what the rules allow is left alone', async (t) => {
  const allowed: [path: string, text: string][] = [
    ['kit/long.ts', 'a;\n'.repeat(300)],
    ['test/long.test.ts', 'a;\n'.repeat(1000)],
    ['cli/a.ts', 'console.log(1);'],
    ['README.md', 'console.log(1); // https://example.test/work/'],
    ['test/a.test.ts', `clock${'.'}skip(1);`],
    ['kit/a.ts', 'const skipped = list.skipped(1); // the only one'],
  ];
  t.strictSame(
    allowed.flatMap(([path, text]) => findBreaches({ path, text })),
    [],
  );
});
