import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { placeSocket } from '../../kit/unix-socket.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

async function place(t: Test, path: string, mode = 0o600, bound?: (path: string) => void) {
  const server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  t.teardown(close);
  const remove = await placeSocket(path, mode, async (made) => {
    server.listen(made);
    await once(server, 'listening');
    bound?.(made);
  });
  return { server, remove, close };
}

async function ask(path: string): Promise<string> {
  const socket = connect(path);
  socket.setEncoding('utf8');
  const [text] = (await once(socket, 'data')) as [string];
  return text;
}

/** As a process leaves it that is killed: there, and nobody behind it. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer();
  server.listen(`${path}.old`);
  await once(server, 'listening');
  renameSync(`${path}.old`, path);
  await new Promise((resolve) => server.close(resolve));
}

t.test('a socket has its mode from the start, whatever the umask is, and is gone afterwards', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'admin.sock');
  for (const mode of [0o600, 0o660]) {
    const seen: number[] = [];
    const { remove, close } = await place(t, path, mode, (made) => {
      t.equal(lstatSync(join(made, '..')).mode & 0o777, 0o700, 'out of reach until it has its mode');
      seen.push(readdirSync(dir).filter((name) => name === 'admin.sock').length);
    });
    t.strictSame(seen, [0], 'not at its place before');
    t.equal(lstatSync(path).mode & 0o777, mode);
    t.equal(await ask(path), 'hello');
    await remove();
    await close();
    t.strictSame(readdirSync(dir), []);
  }
});

t.test('one that a dead process has left is replaced; one that is in use is not', async (t) => {
  const path = join(temporaryFolder(t), 'admin.sock');
  await leaveStale(path);
  t.ok(lstatSync(path).isSocket());
  const first = await place(t, path);
  t.equal(await ask(path), 'hello');
  await t.rejects(place(t, path), { message: /^another process listens on .*admin\.sock: stop it/ });
  t.equal(await ask(path), 'hello', 'it goes on');
  rmSync(path);
  const second = await place(t, path);
  await first.remove();
  t.ok(existsSync(path), 'the successor’s is left alone');
  await second.remove();
  t.notOk(existsSync(path));
});

t.test('a file that is no socket is left alone, and a place that cannot be used is named', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'admin.sock');
  writeFileSync(path, 'precious');
  await t.rejects(place(t, path), { message: /is not a socket: name another path, or remove it$/ });
  t.ok(lstatSync(path).isFile());
  await t.rejects(place(t, join(dir, 'nowhere', 's')), { message: /its folder does not exist$/ });
  await t.rejects(place(t, join(path, 's')), { message: /its folder does not exist$/ });
  const locked = join(dir, 'locked');
  mkdirSync(locked, { mode: 0o500 });
  t.teardown(() => chmodSync(locked, 0o700));
  if (process.getuid?.() === 0) t.comment('root may write everywhere');
  else await t.rejects(place(t, join(locked, 's')), { message: /its folder cannot be written \(EACCES\)$/ });
  t.strictSame(readdirSync(dir).sort(), ['admin.sock', 'locked'], 'nothing is left behind');
});
