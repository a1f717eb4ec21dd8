import { once } from 'node:events';
import { connect, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { Http2Request } from '../../../gateway/http/http2-request.js';

t.test('a body that has come whole before anybody looks is whole', async (t) => {
  const server = createServer();
  const ended: Promise<boolean>[] = [];
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    // As late as on a busy machine: all of it has been read off the connection by now.
    const looked = new Promise<boolean>((resolve) => {
      setImmediate(() => {
        const request = new Http2Request(stream, headers);
        stream.resume().once('end', () => resolve(request.complete));
      });
    });
    ended.push(looked);
    void looked.then(() => stream.respond({ ':status': 200 }, { endStream: true }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.teardown(() => {
    client.destroy();
    server.close();
  });
  await once(client, 'remoteSettings');
  for (const size of [1, 1000]) {
    const request = client.request({ ':method': 'POST' });
    request.end('x'.repeat(size));
    await once(request, 'response');
    request.resume();
    await once(request, 'close');
  }
  t.strictSame(await Promise.all(ended), [true, true]);
});
