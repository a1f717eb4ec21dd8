/** Who may call the admin listener: design 4.8. */
import t from 'tap';
import { rawRequest } from '../fixtures/raw-http.js';
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
