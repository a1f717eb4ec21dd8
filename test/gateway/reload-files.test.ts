/** Reloads of a whole gateway on real files, as the tools that operators use leave them. */
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { spiffeId } from '../../contracts/spiffe.js';
import { loadGatewayConfig, startGateway } from '../../gateway/index.js';
import { createCertificateAuthority } from '../../kit/dev-pki.js';
import { createLogger } from '../../kit/logger.js';
import { internalServerTls } from '../../kit/tls-files.js';
import { eventually } from '../fixtures/eventually.js';
import { testPki } from '../fixtures/pki.js';
import { rawRequest } from '../fixtures/raw-http.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { goodClaims, signToken, testKey } from '../fixtures/test-issuer.js';

const route = (path: string, auth = 'public') => ({ path, methods: ['GET'], auth, upstream: 'app' });

const statusOf = async (url: string, init: RequestInit = {}): Promise<number> => {
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return response.status;
};

const becomes = (ask: () => Promise<number>, wanted: number) =>
  eventually(ask, (status) => status === wanted);

t.test('a ConfigMap is exchanged by swapping a symlink: as file and as folder', async (t) => {
  const test = await startTestGateway(t);
  const configs = [route('/one/*'), route('/two/*'), route('/three/*')].map((only) =>
    test.configWith({ routes: [only] }),
  );
  for (const kind of ['file', 'folder']) {
    const mount = join(temporaryFolder(t), 'mount');
    mkdirSync(mount);
    const put = (version: number): void => {
      mkdirSync(join(mount, `..v${version}`));
      writeFileSync(join(mount, `..v${version}`, 'gateway.yaml'), configs[version] ?? '');
      symlinkSync(`..v${version}`, join(mount, '..data_tmp'));
      renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
      if (version > 0) rmSync(join(mount, `..v${version - 1}`), { recursive: true });
    };
    put(0);
    symlinkSync('..data/gateway.yaml', join(mount, 'gateway.yaml'));
    const file = kind === 'file' ? join(mount, 'gateway.yaml') : mount;
    const logger = createLogger('test', { level: 'silent' });
    const gateway = await startGateway(loadGatewayConfig(file, {}), { logger, feed: test.feed });
    t.teardown(() => gateway.stop());
    await gateway.whenReady(60_000);
    t.equal(await statusOf(`${gateway.url}/one/x`), 200);
    for (const [version, path] of ['', '/two/x', '/three/x'].entries()) {
      if (path === '') continue;
      put(version);
      await becomes(() => statusOf(gateway.url + path), 200);
      t.equal(await statusOf(`${gateway.url}/one/x`), 404, `${kind}, version ${version}`);
      t.match(gateway.readiness().config, { differs_from_file: false, last_reload: { trigger: 'file' } });
    }
    // What half of a mount looks like: the link is there, and nothing behind it.
    const { version } = gateway.readiness().config;
    unlinkSync(join(mount, '..data'));
    t.match(await gateway.reload('signal'), { result: 'refused', version });
    t.equal(await statusOf(`${gateway.url}/three/x`), 200);
  }
});

t.test('the old CA goes: what it has signed is refused, and no request fails on the way', async (t) => {
  const { url, dir, appServer, gateway } = await startTestGateway(t);
  const pki = await testPki();
  const next = await createCertificateAuthority();
  const status = () => statusOf(`${url}/public/x`);
  const trust = async (...authorities: string[]) => {
    writeFileSync(join(dir, 'ca.pem'), authorities.join(''));
    t.match(await gateway.reload('admin'), { result: 'applied' });
  };
  const oldLeaf = await pki.leaf('app', spiffeId('app'));
  const newLeaf = await next.issue({ name: 'app', spiffeId: spiffeId('app') });
  const both = pki.ca + next.cert;
  t.equal(await status(), 200);
  await trust(pki.ca, next.cert);
  appServer.setSecureContext(internalServerTls({ ...newLeaf, ca: both }));
  t.equal(await status(), 200);
  let [served, failed, running] = [0, 0, true];
  const load = (async () => {
    while (running) {
      if ((await status()) === 200) served += 1;
      else failed += 1;
    }
  })();
  await trust(next.cert);
  const until = served + 20;
  while (served < until) await new Promise((resolve) => setImmediate(resolve));
  running = false;
  await load;
  t.equal(failed, 0);
  appServer.setSecureContext(internalServerTls({ ...oldLeaf, ca: both }));
  appServer.closeAllConnections();
  await becomes(status, 502);
  t.match(await (await fetch(`${url}/public/x`)).json(), { code: 'upstream_untrusted' });
  appServer.setSecureContext(internalServerTls({ ...newLeaf, ca: both }));
  t.equal(await status(), 200);
});

t.test('limits and trusted proxies hold for the next request', async (t) => {
  const { url, seen, gateway, configFile, configWith } = await startTestGateway(t);
  const send = (...headers: string[]) => rawRequest(url, 'GET', '/public/x', headers);
  const change = async (changes: object) => {
    writeFileSync(configFile, configWith(changes));
    t.match(await gateway.reload('admin'), { result: 'applied' });
  };
  const forwardedFor = () => new Map(seen.at(-1)?.headers).get('x-forwarded-for');
  const large = `X-Large: ${'a'.repeat(4000)}`;
  t.equal((await send(large, 'X-Forwarded-For: 203.0.113.7')).status, 200);
  t.equal(forwardedFor(), '127.0.0.1');
  await change({
    limits: { header_bytes: '2KiB' },
    listen: { host: '127.0.0.1', port: 0, trusted_proxies: ['127.0.0.0/8'] },
  });
  t.equal((await send(large)).status, 431);
  t.equal((await send('X-Forwarded-For: 203.0.113.7')).status, 200);
  t.equal(forwardedFor(), '203.0.113.7, 127.0.0.1');
  await change({});
  t.equal((await send(large, 'X-Forwarded-For: 203.0.113.7')).status, 200);
  t.equal(forwardedFor(), '127.0.0.1');
});

t.test('a WebSocket lives through reloads, and still ends with its caller’s access', async (t) => {
  const test = await startTestGateway(t);
  const { url, token, feed, issuer, gateway, appServer, configFile, configWith } = test;
  const sockets = new WebSocketServer({ server: appServer });
  t.teardown(() => sockets.close());
  sockets.on('connection', (peer) => peer.on('message', (data) => peer.send(data)));
  const headers = { authorization: `Bearer ${token({ sid: 'session-9' })}` };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/ws`, { headers });
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  const echo = async (text: string) => {
    socket.send(text);
    const [data] = (await once(socket, 'message')) as [Buffer];
    t.equal(data.toString(), text);
  };
  await echo('before');
  // Its route is gone, and its issuer is another one by name.
  const [main] = Object.values(loadGatewayConfig(configFile, {}).value.issuers);
  for (const changes of [
    { routes: [route('/public/*')] },
    { issuers: { renamed: main }, auth: { caller: { issuers: ['renamed'] } } },
  ]) {
    writeFileSync(configFile, configWith(changes));
    t.match(await gateway.reload('admin'), { result: 'applied' });
    await echo('after');
  }
  const closed = once(socket, 'close');
  socket.on('error', () => undefined);
  feed.revoke({ kind: 'session', iss: issuer, sid: 'session-9', exp: Math.floor(Date.now() / 1000) + 900 });
  await closed;
  t.equal(socket.readyState, WebSocket.CLOSED);
});

t.test('a key set in a file is exchanged: the new keys count, and the old ones no longer', async (t) => {
  const file = join(temporaryFolder(t), 'keys.json');
  const [one, two] = [await testKey(), await testKey()];
  const write = (...keys: (typeof one)[]) =>
    writeFileSync(file, JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  write(one);
  const issuer = 'https://files.test';
  const { url, gateway } = await startTestGateway(t, {
    config: {
      issuers: { files: { issuer, audience: 'urn:gatehouse:api', jwks_file: file, token_type: 'at+jwt' } },
      auth: { caller: { issuers: ['files'] } },
    },
  });
  const statusWith = (key: typeof one) => {
    const authorization = `Bearer ${signToken(key, goodClaims(issuer, Date.now()))}`;
    return statusOf(`${url}/api/x`, { headers: { authorization } });
  };
  t.strictSame([await statusWith(one), await statusWith(two)], [200, 401]);
  write(one, two);
  await becomes(() => statusWith(two), 200);
  t.equal(await statusWith(one), 200, 'side by side');
  write(two);
  await becomes(() => statusWith(one), 401);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
  t.match(await gateway.reload('signal'), { result: 'refused' });
  t.equal(await statusWith(two), 200, 'half a file leaves the last good keys');
});
