import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { commandTable } from '../../cli/completion/command-table.js';
import { fishCompletion } from '../../cli/completion/fish.js';
import { createProgram } from '../../cli/program.js';
import { runCli } from '../fixtures/cli.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

const shell = (name: string, ...args: string[]) => spawnSync(name, args, { encoding: 'utf8' });
const isThere = (name: string): boolean => shell(name, '--version').status === 0;

/** What bash offers for each line, as typed so far. */
async function complete(
  t: Parameters<typeof temporaryFolder>[0],
  lines: readonly string[],
): Promise<string[][]> {
  const { stdout: script } = await runCli(['completion', 'bash'], {});
  const file = join(temporaryFolder(t), 'completion.bash');
  const asks = lines.map((line) => {
    const words = line.split(' ').map((word) => `'${word}'`);
    return `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _gatehouse; echo "\${COMPREPLY[*]}"`;
  });
  writeFileSync(file, [script, ...asks].join('\n'));
  const { status, stdout, stderr } = shell('bash', '--norc', '-u', file);
  if (status !== 0 || stderr !== '') throw new Error(stderr);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' ').filter((word) => word !== ''));
}

t.test('bash completes commands, options and choices', async (t) => {
  const cases: [line: string, offered: string[]][] = [
    ['gatehouse dr', ['dry-run']],
    ['gatehouse config ro', ['rollback']],
    ['gatehouse check --s', ['--strict', '--sarif']],
    ['gatehouse upstream-stub --only e', ['echo', 'events']],
    ['gatehouse explain GET / --kind s', ['service']],
    ['gatehouse completion z', ['zsh']],
    ['gatehouse import openapi x.yaml --u', ['--upstream']],
    ['gatehouse check --config ', []],
    ['gatehouse check --config config --on', ['--online']],
    ['gatehouse lint --ignore diff --str', ['--strict']],
    ['gatehouse nonsense', []],
  ];
  const offered = await complete(
    t,
    cases.map(([line]) => line),
  );
  for (const [index, [line, expected]] of cases.entries()) t.strictSame(offered[index], expected, line);
});

t.test('every command and option that help shows is offered by bash', async (t) => {
  const table = commandTable(createProgram());
  t.ok(table.length > 40);
  const offered = await complete(
    t,
    table.map(({ name }) => `gatehouse ${name}${name === '' ? '' : ' '}`),
  );
  for (const [index, { name, words, options }] of table.entries()) {
    const expected = [...words.map(({ word }) => word), ...options.flatMap(({ flags }) => flags)];
    t.strictSame(offered[index], expected, name);
  }
});

t.test('zsh and fish get the same table', async (t) => {
  const table = commandTable(createProgram());
  for (const name of ['zsh', 'fish'] as const) {
    const { code, stdout } = await runCli(['completion', name], {});
    t.equal(code, 0);
    for (const command of table)
      t.match(stdout, `'${command.name}'`.replaceAll("'", name === 'fish' ? "\\'" : "'"));
    const file = join(temporaryFolder(t), name);
    writeFileSync(file, stdout);
    if (isThere(name)) t.match(shell(name, '-n', file), { status: 0, stderr: '' });
    else t.comment(`${name} is not there to read it`);
  }
  const odd = [
    {
      name: 'a',
      words: [{ word: 'b', description: "it's a \\ mark" }],
      options: [{ flags: ['--c', '-d'], description: '', takesValue: true, choices: ['e', 'f'] }],
    },
  ];
  t.match(fishCompletion(odd), String.raw`-f -a 'b' -d 'it\'s a \\ mark'`);
  t.match(fishCompletion(odd), "-l c -s d -x -a 'e f'");
});

t.test('another shell is wrong usage', async (t) => {
  t.match(await runCli(['completion', 'tcsh'], {}), {
    code: 2,
    stderr: /Allowed choices are bash, zsh, fish/,
  });
});
