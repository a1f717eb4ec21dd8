import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';
import t from 'tap';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { gatehouseMiddleware, gatewayServerOptions, requireScopes } from '../../upstream-kit/index.js';
import { mtlsRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';
import { identityOf } from '../fixtures/upstream-stubs.js';

t.test('Express takes requests of the gateway, and knows the caller', async (t) => {
  const { ca, leaf } = await testPki();
  const [gateway, profile] = await Promise.all([
    leaf('gateway', GATEWAY_SPIFFE_ID),
    leaf('profile', spiffeId('profile')),
  ]);
  const refused: unknown[] = [];
  const app = express();
  app.use(gatehouseMiddleware({ onRefused: (why) => refused.push(why) }));
  app.get('/whoami', (request, response) => void response.json(request.identity));
  app.get(
    '/orders',
    requireScopes('orders:read', 'orders:write'),
    (_, response) => void response.send('orders'),
  );
  const server = createServer(
    gatewayServerOptions({ ca, ...(await leaf('orders', spiffeId('orders'))) }),
    app,
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = (path: string, headers: Record<string, string>, client = gateway) =>
    mtlsRequest({ ca, ...client }, url + path, { headers });

  const ann = identityOf('ann', { 'x-identity-scopes': 'orders:read' });
  t.match((await get('/whoami', ann)).json(), { kind: 'user', subject: 'ann', scopes: ['orders:read'] });
  t.match((await get('/orders', ann)).json(), { status: 403, code: 'insufficient_scope' });
  const both = identityOf('ann', { 'x-identity-scopes': 'orders:write orders:read' });
  t.equal((await get('/orders', both)).text, 'orders');
  t.match((await get('/whoami', { 'x-request-id': 'r1' })).json(), {
    code: 'identity_invalid',
    request_id: 'r1',
  });
  t.match((await get('/whoami', ann, profile)).json(), { status: 403, code: 'gateway_required' });
  t.match(refused, [
    { header: 'x-identity-version', reason: 'missing' },
    { name: 'NotTheGatewayError', peer: spiffeId('profile') },
  ]);
});
