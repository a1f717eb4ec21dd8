import Fastify from 'fastify';
import t from 'tap';
import { gatehouseIdentity, readIdentity, requireScope } from '../../upstream-kit/index.js';
import { identityHeaders, injectAs, testIdentity } from '../../upstream-kit/testing/index.js';

async function app() {
  const app = Fastify({ https: {} });
  await app.register(gatehouseIdentity);
  app.get('/whoami', (request) => request.identity);
  app.get('/orders', { preHandler: requireScope('orders:read') }, () => 'orders');
  return app;
}

t.test('a team tests its app with callers of its choosing', async (t) => {
  const orders = await app();
  const ann = { subject: 'ann Ünal', scopes: ['orders:read'] };
  t.strictSame((await injectAs(orders, ann, '/whoami')).json(), {
    kind: 'user',
    subject: 'ann Ünal',
    scopes: ['orders:read'],
    roles: [],
  });
  t.equal((await injectAs(orders, ann, { url: '/orders', headers: { accept: '*/*' } })).statusCode, 200);
  t.equal((await injectAs(orders, {}, '/orders')).statusCode, 403);
  t.match((await injectAs(orders, { kind: 'anonymous' }, '/whoami')).json(), { kind: 'anonymous' });
});

t.test('inject without it is refused as ever, also while a test injects', async (t) => {
  const orders = await app();
  const plain = () => orders.inject({ url: '/whoami', headers: identityHeaders() });
  t.match((await plain()).json(), { code: 'gateway_required' });
  const [as, without] = await Promise.all([injectAs(orders, {}, '/whoami'), plain()]);
  t.strictSame([as.statusCode, without.statusCode], [200, 403]);
});

t.test('headers are those that the gateway would send', (t) => {
  const identity = { kind: 'service', subject: 'svc:x', roles: ['a b'], expires: 9 } as const;
  t.strictSame(readIdentity(identityHeaders(identity)), { ...identity, scopes: [] });
  t.strictSame(testIdentity(), { kind: 'user', subject: 'test-user', scopes: [], roles: [] });
  t.end();
});
