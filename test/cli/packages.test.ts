import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { layOutPackages } from '../../cli/generate/packages.js';
import { transpileSources } from '../fixtures/build.js';
import { installPackages } from '../fixtures/install-packages.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

t.test('the packages are whole by themselves; their types are looked at in test/long', (t) => {
  const dir = temporaryFolder(t);
  const built = join(dir, 'built');
  for (const part of ['client', 'contracts', 'upstream-kit'])
    cpSync(join(transpileSources(), part), join(built, part), { recursive: true });
  for (const file of readdirSync(built, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js'),
  ))
    writeFileSync(join(built, file.replace(/\.js$/, '.d.ts')), 'export {};\n');
  installPackages(t, layOutPackages(built, join(dir, 'packages')), dir);
  t.end();
});

t.test('nothing is packed that has not been compiled', (t) => {
  const dir = temporaryFolder(t);
  t.throws(() => layOutPackages(join(dir, 'none'), join(dir, 'packages')), { message: /npm run build/ });
  t.end();
});
