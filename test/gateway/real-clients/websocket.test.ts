import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import t, { type Test } from 'tap';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { startTestGateway, type TestGateway } from '../../fixtures/test-gateway.js';
import { startTlsGateway } from '../../fixtures/tls-gateway.js';

/** WebSockets with the `ws` package, over plain HTTP and over TLS where HTTP/2 is offered as well. */

interface Listener extends TestGateway {
  connect(path: string, protocols?: string[], headers?: Record<string, string>): WebSocket;
}

async function startWithTls(t: Test): Promise<{ gateway: TestGateway; tls: ClientOptions }> {
  const gateway = await startTlsGateway(t);
  return { gateway, tls: { ca: gateway.ca, servername: 'a.test' } as ClientOptions };
}

async function start(t: Test, isTls: boolean): Promise<Listener> {
  const { gateway, tls } = isTls ? await startWithTls(t) : { gateway: await startTestGateway(t), tls: {} };
  const sockets = new WebSocketServer({
    server: gateway.appServer,
    handleProtocols: (offered) => [...offered].at(-1) ?? false,
  });
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
  });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      const text = isBinary ? '' : String(data);
      if (text.startsWith('close ')) socket.close(Number(text.slice(6)), 'as asked');
      else socket.send(data, { binary: isBinary });
    });
  });
  return {
    ...gateway,
    connect(path, protocols = [], headers = { authorization: `Bearer ${gateway.token()}` }) {
      const options: ClientOptions = { ...tls, headers };
      const socket = new WebSocket(gateway.url.replace('http', 'ws') + path, protocols, options);
      socket.on('error', () => undefined);
      t.teardown(() => socket.terminate());
      return socket;
    },
  };
}

for (const isTls of [false, true])
  t.test(isTls ? 'over TLS' : 'over plain HTTP', async (t) => {
    const { connect, token, feed, issuer } = await start(t, isTls);
    const socket = connect('/api/ws', ['chat', 'chat.v2']);
    await once(socket, 'open');
    t.equal(socket.protocol, 'chat', 'the first subprotocol is offered to the upstream, which has taken it');
    const large = Buffer.alloc(1024 * 1024, 7);
    const sent: [Buffer | string, boolean][] = [
      ['text \u00e4\ud83d\ude42', false],
      [Buffer.from([0, 1, 255]), true],
      ['', false],
      [large, true],
    ];
    const received: [Buffer, boolean][] = [];
    const all = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer, isBinary) => {
        if (received.push([data, isBinary]) === sent.length) resolve();
      });
    });
    for (const [data] of sent) socket.send(data);
    await all;
    for (const [index, [data, isBinary]] of sent.entries()) {
      const [got, gotBinary] = received[index] ?? [];
      t.ok(got?.equals(Buffer.from(data as Buffer)), `${got?.length} bytes come back as they went`);
      t.equal(gotBinary, isBinary);
    }
    socket.ping('still there?');
    t.equal(String((await once(socket, 'pong'))[0]), 'still there?');
    socket.send('close 4321');
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    t.strictSame([code, String(reason)], [4321, 'as asked'], 'the upstream\u2019s own close code');

    const revoked = connect('/api/ws', [], { authorization: `Bearer ${token({ sid: 'gone' })}` });
    await once(revoked, 'open');
    feed.revoke({ kind: 'session', iss: issuer, sid: 'gone', exp: Math.floor(Date.now() / 1000) + 1000 });
    const [why, text] = (await once(revoked, 'close')) as [number, Buffer];
    t.strictSame([why, String(text)], [1008, 'token_revoked']);

    const refused = connect('/api/ws', [], {});
    const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
    t.equal(response.statusCode, 401);
    t.match(response.headers['www-authenticate'], /Bearer/);
  });
