import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import t from 'tap';
import { readPem } from '../../kit/read-pem.js';
import { testPki } from '../fixtures/pki.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

t.test('files that were joined without a line break are two certificates all the same', async (t) => {
  const pki = await testPki();
  const path = join(temporaryFolder(t), 'ca.pem');
  writeFileSync(path, pki.foreignCa.trimEnd() + pki.ca.trimEnd());
  const server = createServer({
    ...(await pki.leaf('joined', 'spiffe://gatehouse.internal/joined')),
    minVersion: 'TLSv1.3',
  });
  t.teardown(() => server.close());
  server.on('secureConnection', (socket: TLSSocket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const socket = connect({ host: '127.0.0.1', port, ca: readPem(path) });
  await new Promise<void>((resolve, reject) => {
    socket.on('secureConnect', () => resolve()).on('error', reject);
  });
  t.ok(socket.authorized);
  socket.destroy();
});

t.test('a file that cannot be read is named', async (t) => {
  t.throws(() => readPem('/nowhere/ca.pem'), { message: 'cannot read /nowhere/ca.pem: ENOENT' });
});
