import { once } from 'node:events';
import { connect } from 'node:tls';
import t from 'tap';
import { AUTH_SERVICE_SPIFFE_ID, GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { type MtlsClient, mtlsRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { testAuthService, USER } from '../fixtures/test-auth-service.js';

t.test('both listeners answer the gateway and nobody else', needsPostgres, async (t) => {
  const auth = await testAuthService(t, { databaseUrl: await testDatabase(t) });
  const { ca, leaf, foreignLeaf, expiredLeaf } = await testPki();
  const strangers: Record<string, MtlsClient> = {
    'no certificate': { ca },
    'a certificate of another CA': { ca, ...(await foreignLeaf('gateway', GATEWAY_SPIFFE_ID)) },
    'an expired certificate': { ca, ...(await expiredLeaf('gateway', GATEWAY_SPIFFE_ID)) },
    "an upstream's certificate": { ca, ...(await leaf('orders', spiffeId('orders'))) },
    "the auth service's own certificate": { ca, ...(await leaf('auth-service', AUTH_SERVICE_SPIFFE_ID)) },
    'a name that only begins like the gateway': {
      ca,
      ...(await leaf('gateway-2', `${GATEWAY_SPIFFE_ID}-2`)),
    },
  };
  const urls = [`${auth.publicUrl}/.well-known/jwks.json`, `${auth.internalUrl}/internal/health`];
  for (const url of urls) {
    t.equal((await mtlsRequest(auth.gateway, url)).status, 200);
    for (const [name, client] of Object.entries(strangers)) {
      await t.rejects(mtlsRequest(client, url), `${name} at ${new URL(url).pathname}`);
    }
  }

  t.test('what the public listener serves is not on the internal one, nor the other way round', async (t) => {
    const internal = await auth.get('/internal/health');
    t.match([internal.status, internal.json()['code']], [404, 'route_not_found']);
    const login = await mtlsRequest(auth.gateway, `${auth.internalUrl}/auth/login`, { method: 'POST' });
    t.equal(login.status, 404);
  });

  t.test('a stop lets a request that is under way end', async (t) => {
    const { port } = new URL(auth.publicUrl);
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      servername: 'localhost',
      ...auth.gateway,
    });
    await once(socket, 'secureConnect');
    const body = JSON.stringify({ email: USER.email, password: USER.password });
    const head = ['POST /auth/login HTTP/1.1', 'Host: auth', 'Content-Type: application/json'];
    socket.write(`${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
    await new Promise(setImmediate);
    await auth.get('/.well-known/jwks.json'); // the listener has had time to read the first part
    const stopped = auth.stop();
    socket.write(body.slice(10));
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    await once(socket, 'close');
    t.match(answer, /^HTTP\/1\.1 200 .*"access_token"/s);
    t.match(answer, /^connection: close\r$/im);
    await stopped;
    await t.rejects(mtlsRequest(auth.gateway, auth.publicUrl), { code: 'ECONNREFUSED' });
  });
});
