import t from 'tap';
import { rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** What a route can say, at a running gateway. */

const open = { methods: ['GET'], auth: 'public', upstream: 'app' };

t.test('hosts, headers and query decide who is let in', async (t) => {
  const { url, seen, token } = await startTestGateway(t, {
    config: { listen: { host: '127.0.0.1', port: 0, hosts: ['*.a.test', 'b.test'] } },
    routes: [
      { ...open, path: '/x', hosts: ['www.a.test'] },
      { ...open, path: '/x', hosts: ['*.a.test'], auth: 'caller' },
      { ...open, path: '/y', hosts: ['b.test'], headers: { 'X-Preview': 'yes' }, query: { v: '2' } },
    ],
  });
  const status = async (host: string, target: string, ...headers: string[]) =>
    (await rawRequest(url, 'GET', target, [`Host: ${host}`, ...headers])).status;
  t.equal(await status('www.a.test', '/x'), 200);
  t.equal(await status('WWW.A.test.:80', '/x'), 200);
  t.equal(await status('api.a.test', '/x'), 401);
  t.equal(await status('api.a.test', '/x', `Authorization: Bearer ${token()}`), 200);
  t.equal(await status('a.a.a.test', '/x'), 421);
  t.equal(await status('evil.test', '/x'), 421);
  t.equal(await status('b.test', '/x'), 404);
  t.equal(await status('api.a.test', '/x', 'X-Forwarded-Host: www.a.test'), 401);
  t.equal(await status('b.test', '/y?v=2', 'X-Preview: yes'), 200);
  t.equal(await status('b.test', '/y?v=2', 'X-Preview: yes', 'X-Preview: yes'), 404);
  t.equal(await status('b.test', '/y?v=2&v=3', 'X-Preview: yes'), 404);
  t.equal(await status('b.test', '/y'), 404);
  t.equal(seen.length, 4);
});
