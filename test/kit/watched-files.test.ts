import { mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../kit/clock.js';
import { watchFiles } from '../../kit/watched-files.js';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

function watching(t: Test, paths: string[], clock: Clock, pollMs = 60_000) {
  let changes = 0;
  const onChange = (): void => {
    changes += 1;
  };
  const watch = watchFiles(onChange, { clock, pollMs, settleMs: 20 });
  watch.follow(paths);
  t.teardown(() => watch.stop());
  return { watch, changes: () => changes, changed: (times: number) => untilChanged(() => changes, times) };
}

const untilChanged = (changes: () => number, times: number) =>
  eventually(
    async () => changes(),
    (seen) => seen === times,
  );

t.test('a symlink swap, as Kubernetes does it for a ConfigMap, is seen by its event', async (t) => {
  const dir = temporaryFolder(t);
  for (const [version, text] of [
    ['..1', 'one'],
    ['..2', 'two'],
  ] as const) {
    mkdirSync(join(dir, version));
    writeFileSync(join(dir, version, 'gateway.yaml'), text);
  }
  symlinkSync('..1', join(dir, '..data'));
  symlinkSync('..data/gateway.yaml', join(dir, 'gateway.yaml'));
  const { changed } = watching(t, [join(dir, 'gateway.yaml')], systemClock);
  symlinkSync('..2', join(dir, '..data_tmp'));
  renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
  t.ok((await changed(1)) < 3000, 'long before the next poll');
});

t.test('a file that is only touched, or written again as it was, is no change', async (t) => {
  const clock = fakeClock();
  const file = join(temporaryFolder(t), 'a');
  writeFileSync(file, 'same');
  const { changes } = watching(t, [file], clock, 1000);
  utimesSync(file, 0, 0);
  writeFileSync(file, 'same');
  await clock.advance(5000);
  t.equal(changes(), 0);
  writeFileSync(file, 'other');
  await clock.advance(5000);
  t.equal(changes(), 1, 'the polling alone notices a change');
});

t.test('contents that still move are left alone until they stand still', async (t) => {
  const clock = fakeClock();
  const file = join(temporaryFolder(t), 'a');
  writeFileSync(file, '');
  const { changes } = watching(t, [file], clock, 10);
  for (let length = 1; length <= 10; length++) {
    writeFileSync(file, 'x'.repeat(length));
    await clock.advance(19);
  }
  t.equal(changes(), 0);
  await clock.advance(100);
  t.equal(changes(), 1);
});

t.test('events without end in the folder do not keep a change from being seen', async (t) => {
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'a'), '1');
  const { changed } = watching(t, [join(dir, 'a')], systemClock);
  writeFileSync(join(dir, 'a'), '2');
  const noise = setInterval(() => writeFileSync(join(dir, 'noise.log'), String(Math.random())), 5);
  t.teardown(() => clearInterval(noise));
  t.ok((await changed(1)) < 4000);
});

t.test('a file that comes, goes or changes in a folder; a path that is followed anew', async (t) => {
  const clock = fakeClock();
  const dir = temporaryFolder(t);
  const folder = join(dir, 'conf.d');
  mkdirSync(folder);
  writeFileSync(join(folder, 'a.yaml'), '1');
  const { watch, changes } = watching(t, [folder], clock, 1000);
  writeFileSync(join(folder, 'b.yaml'), '1');
  await clock.advance(2000);
  t.equal(changes(), 1);
  writeFileSync(join(folder, '.b.yaml.swp'), '1');
  await clock.advance(2000);
  t.equal(changes(), 1, "an editor's own file");
  writeFileSync(join(folder, 'a.yaml'), '2');
  watch.follow([folder, join(dir, 'new.pem')]);
  await clock.advance(2000);
  t.equal(changes(), 2, 'a change between two calls of follow');
  writeFileSync(join(dir, 'new.pem'), 'x');
  await clock.advance(2000);
  t.equal(changes(), 3);
});
