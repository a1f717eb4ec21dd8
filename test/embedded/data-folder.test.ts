import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { lockDataFolder } from '../../embedded/data-folder.js';
import { StartupError } from '../../kit/startup-error.js';
import { runScript } from '../fixtures/run-script.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

const newDir = (t: Test) => join(temporaryFolder(t), 'data');

async function refusal(dir: string): Promise<string> {
  const error = await lockDataFolder(dir).catch((e: unknown) => e);
  return error instanceof StartupError && !error.message.includes('\n')
    ? error.message
    : `not refused: ${error}`;
}

/** A process that takes the folder when it is told to, says what came of it, and stays. */
function contender(dir: string) {
  return runScript(`
    const { lockDataFolder } = await import('./embedded/data-folder.ts');
    console.log('ready');
    process.stdin.once('data', () => {
      lockDataFolder(${JSON.stringify(dir)}).then(() => console.log('locked'), (error) => console.log(error.message));
    });
  `);
}

t.test('the folder is made for its owner alone, held until released, and held once', async (t) => {
  const dir = newDir(t);
  const lock = await lockDataFolder(dir);
  t.equal(statSync(dir).mode & 0o777, 0o700);
  t.match(await refusal(dir), `the data folder ${dir} is in use by process ${process.pid}`);
  await lock.release();
  t.strictSame(readdirSync(dir), []);
  await (await lockDataFolder(dir)).release();
});

t.test('another process is refused until the holder ends, be it by kill -9', async (t) => {
  const dir = newDir(t);
  const holder = contender(dir);
  await holder.nextLine();
  holder.writeLine('go');
  t.equal(await holder.nextLine(), 'locked');
  t.match(await refusal(dir), `is in use by process ${holder.pid}`);
  await holder.kill('SIGKILL');
  await (await lockDataFolder(dir)).release();
  t.strictSame(readdirSync(dir), [], 'what the dead one left is gone');
});

t.test('a claim whose number belongs to another process by now holds nothing', async (t) => {
  const dir = newDir(t);
  await (await lockDataFolder(dir)).release();
  for (const pid of [process.pid, process.ppid, 1])
    writeFileSync(join(dir, `lock-${pid}-0123456789abcdef`), '');
  await (await lockDataFolder(dir)).release();
  t.strictSame(readdirSync(dir), []);
});

t.test('of many that start at once exactly one gets the folder', async (t) => {
  const dir = newDir(t);
  const all = Array.from({ length: 6 }, () => contender(dir));
  await Promise.all(all.map((one) => one.nextLine()));
  for (const one of all) one.writeLine('go');
  const outcomes = await Promise.all(all.map((one) => one.nextLine()));
  await Promise.all(all.map((one) => one.kill('SIGKILL')));
  t.equal(outcomes.filter((line) => line === 'locked').length, 1, outcomes.join('\n'));
});

t.test('a folder that cannot be made or written is named in one line', async (t) => {
  const file = join(temporaryFolder(t), 'file');
  writeFileSync(file, '');
  t.match(await refusal(join(file, 'data')), `the data folder ${file}/data cannot be written: ENOTDIR`);
  t.match(await refusal(file), `the data folder ${file} cannot be written: EEXIST`);
});
