import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { startMockGateway } from '../../cli/mock-gateway.js';
import { atTerminal } from '../../cli/terminal.js';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { acceptOnlyGateway, gatewayServerOptions, readIdentity } from '../../upstream-kit/index.js';
import { runCli } from '../fixtures/cli.js';
import { testPki } from '../fixtures/pki.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';

async function portOf(t: Test, server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** The mock, and what it said at its start. */
async function start(t: Test, options: Parameters<typeof startMockGateway>[0]) {
  const said: string[] = [];
  const terminal = {
    env: {},
    stdin: process.stdin,
    write: (text: string) => void said.push(text),
    writeError() {},
    exitCode: 0,
  };
  const mock = await atTerminal(terminal, () => startMockGateway(options));
  t.teardown(() => mock.stop());
  return { ...mock, said };
}

const ALICE = { subject: 'alice', scopes: ['orders:read'], roles: ['a b'] };

t.test('a plain service on a laptop sees the caller, whatever the client says', async (t) => {
  const service = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const identity = readIdentity(request.rawHeaders);
      const { authorization } = request.headers;
      response.end(
        JSON.stringify({
          identity,
          authorization,
          path: request.url,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
  });
  const sockets = new WebSocketServer({ server: service });
  sockets.on('connection', (socket, { rawHeaders }) => socket.send(readIdentity(rawHeaders).subject ?? ''));
  const upstream = new URL(`http://127.0.0.1:${await portOf(t, service)}`);
  const { url, said } = await start(t, { upstream, as: ALICE, port: 0 });
  t.match(said, [`${url} calls ${upstream.origin} as alice; nothing is verified here\n`]);
  const headers = { 'x-identity-subject': 'root', 'x-identity-later': 'x', authorization: 'Bearer x' };
  const answer = await fetch(`${url}/api/orders?a=b`, { method: 'POST', body: 'hello', headers });
  t.strictSame(await answer.json(), {
    identity: { kind: 'user', subject: 'alice', scopes: ['orders:read'], roles: ['a b'] },
    path: '/api/orders?a=b',
    body: 'hello',
  });
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  const [message] = (await once(socket, 'message')) as [Buffer];
  t.equal(message.toString(), 'alice');
  socket.terminate();

  const nobody = await start(t, { upstream, port: 0 });
  t.match(await (await fetch(nobody.url)).json(), { identity: { kind: 'anonymous' } });
  const machine = await start(t, { upstream, as: { subject: 'svc:x' }, port: 0 });
  t.match(await (await fetch(machine.url)).json(), { identity: { kind: 'service', subject: 'svc:x' } });
});

t.test(
  'a service that lets in the gateway only lets it in, with the certificate of the folder',
  async (t) => {
    const pki = await testPki();
    const { ca } = pki;
    const dir = join(temporaryFolder(t), 'pki');
    mkdirSync(dir);
    const { cert, key } = await pki.leaf('gateway', GATEWAY_SPIFFE_ID);
    for (const [name, pem] of Object.entries({ ca, gateway: cert, 'gateway-key': key }))
      writeFileSync(join(dir, `${name}.pem`), pem);
    const tls = gatewayServerOptions({ ca, ...(await pki.leaf('orders', spiffeId('orders'))) });
    const service = createTlsServer(tls, (request, response) =>
      response.end(readIdentity(request.rawHeaders).subject),
    );
    acceptOnlyGateway(service);
    const upstream = new URL(`https://127.0.0.1:${await portOf(t, service)}`);
    const { url } = await start(t, { upstream, as: ALICE, port: 0, pki: dir });
    t.equal(await (await fetch(url)).text(), 'alice');
    service.closeAllConnections();
  },
);

t.test('what is wrong with its options is said', async (t) => {
  t.match(await runCli(['mock-gateway'], {}), { code: 2 });
  t.match(await runCli(['mock-gateway', '--upstream', 'ftp://x'], {}), { code: 2, stderr: /such as http:/ });
  t.match(await runCli(['mock-gateway', '--upstream', 'http://x', '--port', 'y'], {}), {
    code: 2,
    stderr: /a port/,
  });
});
