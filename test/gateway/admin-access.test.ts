/** Who may call the admin listener: design 4.8. */
import { existsSync, lstatSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { GATEWAY_SPIFFE_ID, OPERATOR_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { runCli } from '../fixtures/cli.js';
import { testPki } from '../fixtures/pki.js';
import { rawHttp, rawRequest } from '../fixtures/raw-http.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const TOKEN = 'a-token-of-the-admin-listener-for-tests';
const POST = { method: 'POST' };

t.test('with a token, no call goes without it', async (t) => {
  const { gateway, logs } = await startTestGateway(t, {
    config: { admin: { host: '127.0.0.1', port: 0, token: TOKEN } },
    waitUntilReady: false,
  });
  const call = async (authorization: string | undefined, path = '/live', init: RequestInit = {}) => {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await fetch(gateway.adminUrl + path, { ...init, headers });
    return {
      status: response.status,
      text: await response.text(),
      challenge: response.headers.get('www-authenticate'),
    };
  };
  for (const path of ['/live', '/ready', '/version', '/metrics', '/jwks', '/config/history', '/nothing'])
    t.match(
      await call(undefined, path),
      { status: 401, text: '"code":"admin_token"', challenge: 'Bearer' },
      path,
    );
  for (const path of ['/config/reload', '/config/rollback', '/explain'])
    t.equal((await call(undefined, path, POST)).status, 401, path);
  for (const wrong of ['', 'Bearer', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, TOKEN])
    t.equal((await call(wrong)).status, 401, wrong);
  t.equal((await call(`Bearer ${TOKEN}`)).status, 200);
  t.equal((await call(`bearer ${TOKEN}`, '/version')).status, 200);
  t.notMatch(logs.join('\n'), TOKEN);
});

t.test('a name that is not its own could have been pointed at it', async (t) => {
  const { gateway } = await startTestGateway(t, {
    config: { admin: { host: '127.0.0.1', port: 0, hosts: ['Gateway-1.internal'] } },
    waitUntilReady: false,
  });
  const statusAs = async (host: string) =>
    (await rawRequest(gateway.adminUrl, 'GET', '/live', [`Host: ${host}`])).status;
  for (const host of [
    'localhost:9901',
    '127.0.0.1',
    '[::1]:9901',
    '10.0.0.5:9901',
    'gateway-1.internal:9901',
  ])
    t.equal(await statusAs(host), 200, host);
  for (const host of ['evil.test', '127.0.0.1.evil.test', 'localhost.evil.test:9901', 'internal', '0x7f.1'])
    t.equal(await statusAs(host), 421, host);
});

t.test(
  'a balancer that asks without any name, as HTTP/1.0 allows, cannot have been misled by one',
  async (t) => {
    const { gateway } = await startTestGateway(t, { waitUntilReady: false });
    const ask = (...headers: string[]) =>
      rawHttp(gateway.adminUrl, ['GET /live HTTP/1.0', ...headers, '', ''].join('\r\n'));
    t.equal((await ask()).status, 200);
    t.equal((await ask('Origin: http://evil.test')).status, 403, 'a page is still none of ours');
    t.equal((await ask('Host:')).status, 421, 'an empty name is one');
  },
);

t.test('on a Unix socket its permissions decide; it goes with the gateway', async (t) => {
  const dir = temporaryFolder(t);
  const socket = join(dir, 'admin.sock');
  const { gateway, configFile, configWith } = await startTestGateway(t, { config: { admin: { socket } } });
  t.equal(gateway.adminUrl, `unix:${socket}`);
  t.equal(lstatSync(socket).mode & 0o777, 0o600);
  const run = (...args: string[]) => runCli(args, { ADMIN_URL: gateway.adminUrl });
  t.match(await run('jwks'), { code: 0, stdout: /^main {2}/ });
  t.match(await run('config', 'reload'), { code: 0, stdout: /^unchanged/ });
  t.equal((await run('probe', `unix:${socket}:/ready`)).code, 0);
  t.match(await run('probe', `unix:${socket}:/none`), { code: 1, stderr: /it answered 404/ });
  t.match(await run('probe', `unix:${dir}/none.sock:/ready`), { code: 1, stderr: /ENOENT/ });
  t.match(await run('jwks', '--admin', `unix:${dir}/none.sock`), { code: 1, stderr: /does not answer/ });
  writeFileSync(configFile, configWith({ admin: { socket, socket_mode: '0660' } }));
  t.match(await run('config', 'reload'), { code: 1, stdout: /config_needs_restart/ });
  await gateway.stop();
  t.notOk(existsSync(socket));
});

const LISTENER = { host: '127.0.0.1', port: 0 };

/** A gateway whose admin listener takes certificates of one CA, and who comes with which. */
async function startWithTls(t: Test, more: object = {}) {
  const pki = await testPki();
  const dir = temporaryFolder(t);
  const write = (name: string, pem: string) => writeFileSync(join(dir, name), pem, { mode: 0o600 });
  const [own, operator, foreign] = await Promise.all([
    pki.leaf('gateway', GATEWAY_SPIFFE_ID),
    pki.leaf('operator', OPERATOR_SPIFFE_ID),
    pki.foreignLeaf('operator', OPERATOR_SPIFFE_ID),
  ]);
  write('admin.pem', own.cert);
  write('admin-key.pem', own.key);
  write('ca.pem', pki.ca);
  write('operator.pem', operator.cert);
  write('operator-key.pem', operator.key);
  const [cert, key, client_ca] = ['admin.pem', 'admin-key.pem', 'ca.pem'].map((name) => join(dir, name));
  const admin = { ...LISTENER, tls: { cert, key, client_ca, ...more } };
  const test = await startTestGateway(t, { config: { admin } });
  const call = (shown: object, path = '/live', headers: Record<string, string> = {}) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const options = { ...shown, ca: pki.ca, rejectUnauthorized: false, agent: false, headers };
      const outgoing = request(test.gateway.adminUrl + path, options, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
      });
      outgoing.on('error', reject).end();
    });
  return { ...test, pki, dir, write, admin, operator, foreign, call };
}

t.test('with TLS nobody gets through the handshake without a certificate of its CA', async (t) => {
  const { gateway, pki, dir, operator, foreign, call } = await startWithTls(t);
  t.match(gateway.adminUrl, /^https:/);
  t.match(await call(operator), { status: 200 });
  for (const [name, shown] of Object.entries({
    none: {},
    'of another CA': foreign,
    expired: await pki.expiredLeaf('operator', OPERATOR_SPIFFE_ID),
  }))
    await t.rejects(call(shown), { code: /^ERR_SSL|^ECONNRESET/ }, `a certificate ${name}`);
  t.match(await call(operator), { status: 200 });
  const { host } = new URL(gateway.adminUrl);
  t.equal((await call(operator, '/live', { origin: `https://${host}` })).status, 200);
  for (const origin of [`http://${host}`, 'https://evil.test'])
    t.equal((await call(operator, '/live', { origin })).status, 403, origin);
  const ends = gateway.readiness().certificates.map(({ use }) => use);
  t.ok(ends.includes('admin') && ends.includes('admin_ca'));

  const run = (...args: string[]) => runCli([...args, '--admin', gateway.adminUrl], { PKI_DIR: dir });
  t.match(await run('jwks'), { code: 0, stdout: /^main {2}/ });
  t.match(await run('config', 'history', '--json'), { code: 0 });
  const other = temporaryFolder(t);
  t.match(await run('jwks', '--pki', other), { code: 1, stderr: /cannot read .*ca\.pem: ENOENT/ });
  writeFileSync(join(other, 'ca.pem'), pki.ca);
  writeFileSync(join(other, 'operator.pem'), foreign.cert);
  writeFileSync(join(other, 'operator-key.pem'), foreign.key);
  t.match(await run('jwks', '--pki', other), { code: 1, stderr: /does not take the certificate of --pki/ });
  writeFileSync(join(other, 'ca.pem'), pki.foreignCa);
  t.match(await run('jwks', '--pki', other), { code: 1, stderr: /does not answer: .*certificate/ });
  const files = ['ca', 'cert', 'key'].flatMap((name, i) => [
    `--${name}`,
    join(dir, ['ca.pem', 'operator.pem', 'operator-key.pem'][i] ?? ''),
  ]);
  const probe = (path: string) =>
    runCli(['probe', gateway.adminUrl + path, ...files, '--spiffe-id', GATEWAY_SPIFFE_ID], {});
  t.equal((await probe('/ready')).code, 0);
  t.match(await probe('/none'), { code: 1, stderr: /it answered 404/ });
});

t.test('with clients only the certificates that they name may call, from the next request on', async (t) => {
  const names = ['metrics.internal', OPERATOR_SPIFFE_ID];
  const { gateway, pki, configFile, configWith, admin, operator, call } = await startWithTls(t, {
    clients: names,
  });
  const upstream = await pki.leaf('orders', spiffeId('orders'));
  const scraper = await pki.leaf('metrics', spiffeId('metrics'), { dnsNames: ['metrics.internal'] });
  t.equal((await call(operator)).status, 200);
  t.equal((await call(scraper, '/metrics')).status, 200);
  for (const path of ['/live', '/metrics', '/config/history', '/none'])
    t.match(await call(upstream, path), { status: 403, body: '"code":"admin_certificate"' }, path);
  const tls = { ...admin.tls, clients: [spiffeId('orders')] };
  writeFileSync(configFile, configWith({ admin: { ...admin, tls } }));
  t.match(await gateway.reload('admin'), { result: 'applied' });
  t.equal((await call(upstream)).status, 200);
  t.equal((await call(operator)).status, 403);
});

t.test('certificate, CA and token are renewed by a reload', async (t) => {
  const { gateway, pki, write, foreign, operator, call } = await startWithTls(t);
  write('ca.pem', pki.ca + pki.foreignCa);
  t.match(await gateway.reload('admin'), { result: 'applied' });
  t.equal((await call(operator)).status, 200);
  t.equal((await call(foreign)).status, 200, 'old and new CA side by side');
  write('ca.pem', pki.foreignCa);
  t.match(await gateway.reload('admin'), { result: 'applied' });
  t.equal((await call(foreign)).status, 200);
  await t.rejects(call(operator), { code: /^ERR_SSL|^ECONNRESET/ });
  write('admin.pem', 'half a certif');
  t.match(await gateway.reload('admin'), {
    result: 'refused',
    problems: [{ code: 'config_certificate_file' }],
  });
  t.equal((await call(foreign)).status, 200, 'the last good one is shown');
});

t.test('a token from a file is renewed by a reload', async (t) => {
  const file = join(temporaryFolder(t), 'token');
  writeFileSync(file, TOKEN, { mode: 0o600 });
  const { gateway } = await startTestGateway(t, {
    config: { admin: { ...LISTENER, token: `file:${file}` } },
    waitUntilReady: false,
  });
  const status = async (token: string) =>
    (await fetch(`${gateway.adminUrl}/live`, { headers: { authorization: `Bearer ${token}` } })).status;
  t.equal(await status(TOKEN), 200);
  writeFileSync(file, `${TOKEN}-renewed`);
  t.match(await gateway.reload('signal'), { result: 'applied' });
  t.strictSame([await status(TOKEN), await status(`${TOKEN}-renewed`)], [401, 200]);
});
