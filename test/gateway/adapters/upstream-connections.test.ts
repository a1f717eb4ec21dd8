import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { type Dispatcher, request } from 'undici';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../../contracts/spiffe.js';
import { UPSTREAM_DEFAULTS } from '../../../gateway/adapters/balancing/upstream-spec.js';
import { UpstreamConnections } from '../../../gateway/adapters/upstream-connections.js';
import { systemClock } from '../../../kit/clock.js';
import { internalServerTls } from '../../../kit/tls-files.js';
import { testPki } from '../../fixtures/pki.js';

async function startUpstream(t: Test, name: string, port = 0): Promise<Server> {
  const pki = await testPki();
  const server = createServer(
    internalServerTls({ ca: pki.ca, ...(await pki.leaf(name, spiffeId(name))) }),
    (_request, response) => response.end(name),
  );
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => end(server));
  return server;
}

async function end(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function connectionsTo(t: Test, ...servers: Server[]) {
  const pki = await testPki();
  const material = { ca: pki.ca, ...(await pki.leaf('gateway', GATEWAY_SPIFFE_ID)) };
  const targets = servers.map((server) => `https://127.0.0.1:${portOf(server)}`);
  const spec = {
    ...UPSTREAM_DEFAULTS,
    targets: targets.map((url) => ({ url, weight: 1 })),
    spiffeId: spiffeId('app'),
  };
  const connections = new UpstreamConnections(systemClock);
  connections.adopt(connections.prepare({ app: spec }, material));
  t.teardown(() => connections.close());
  const ask = async (dispatcher: Dispatcher): Promise<string> =>
    (await request(`${connections.originOf('app')}/`, { dispatcher })).body.text();
  return {
    byAgent: () => ask(connections.agent),
    byPool: () => ask(connections.prepare({ app: spec }, material).dispatcherOf('app')),
  };
}

t.test('an upstream is reached again after its connections have ended, whoever used them', async (t) => {
  const server = await startUpstream(t, 'app');
  const { byAgent, byPool } = await connectionsTo(t, server);
  t.equal(await byAgent(), 'app');
  server.closeAllConnections();
  t.equal(await byPool(), 'app');
  server.closeAllConnections();
  t.equal(await byAgent(), 'app');
});

t.test('and after it could not be reached at all', async (t) => {
  const server = await startUpstream(t, 'app');
  const port = portOf(server);
  const { byAgent, byPool } = await connectionsTo(t, server);
  await end(server);
  await t.rejects(byAgent(), { code: 'ECONNREFUSED' });
  await startUpstream(t, 'app', port);
  t.strictSame([await byAgent(), await byPool()], ['app', 'app']);
});

t.test('a target that is down, or is somebody else, is passed over', async (t) => {
  const [down, impostor, good] = await Promise.all(
    ['app', 'other', 'app'].map((name) => startUpstream(t, name)),
  );
  if (down === undefined || impostor === undefined || good === undefined) throw new Error('no servers');
  const { byPool } = await connectionsTo(t, down, impostor, good);
  await end(down);
  for (let call = 1; call <= 3; call++) {
    t.equal(await byPool(), 'app');
    good.closeAllConnections(); // so that the next call connects anew, beginning with another target
  }
});
