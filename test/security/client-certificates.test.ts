import { createHash, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import type { Pem } from '../../kit/dev-pki.js';
import { http2Ask, http2Connect } from '../fixtures/http2-client.js';
import { mtlsRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** A client certificate as identity, and as what a token is bound to (RFC 8705). */

const routes = [
  { path: '/bearer', methods: ['GET'], auth: 'bearer', upstream: 'app' },
  { path: '/service', methods: ['GET'], auth: 'service', upstream: 'app', forward_certificate: true },
  { path: '/named', methods: ['GET'], auth: 'named', upstream: 'app' },
  { path: '/public', methods: ['GET'], auth: 'public', upstream: 'app', forward_certificate: true },
];
const auth = {
  bearer: { issuers: ['main'] },
  service: {
    issuers: ['main'],
    credentials: ['bearer', { certificate: { scopes: ['orders:read'], roles: ['batch'] } }],
    scopes: ['orders:read'],
    claims: { sub: { one_of: [spiffeId('billing'), 'user-1'] } },
  },
  named: { credentials: [{ certificate: { identity: 'subject' } }] },
};

async function start(t: Test, protocol: string) {
  const pki = await testPki();
  const dir = temporaryFolder(t);
  const server = await pki.leaf('public', spiffeId('public'));
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
  const client_ca = join(dir, 'client-ca.pem');
  writeFileSync(files.cert, server.cert);
  writeFileSync(files.key, server.key);
  writeFileSync(client_ca, pki.ca);
  const gateway = await startTestGateway(t, {
    routes,
    config: { auth, listen: { host: '127.0.0.1', port: 0, tls: { certificates: [files], client_ca } } },
  });
  const get = async (path: string, pem?: Pem, headers: Record<string, string> = {}) => {
    const tls = { ca: pki.ca, ...pem };
    const reply =
      protocol === 'HTTP/2'
        ? await http2Ask(
            await http2Connect(t, gateway.url, { ...tls, checkServerIdentity: () => undefined }),
            {
              ':path': path,
              ...headers,
            },
          )
        : await mtlsRequest(tls, `${gateway.url}${path}`, { headers });
    return reply.status === 200 ? 200 : [reply.status, reply.json()['code']];
  };
  const lastHeaders = (): Map<string, string> => new Map(gateway.seen.at(-1)?.headers);
  return { ...gateway, pki, get, lastHeaders };
}

for (const protocol of ['HTTP/1.1', 'HTTP/2'])
  t.test(`${protocol}: a certificate is who it names, with what the profile gives it`, async (t) => {
    const { pki, get, lastHeaders, seen } = await start(t, protocol);
    const billing = await pki.leaf('billing', spiffeId('billing'));
    t.equal(await get('/service', billing), 200);
    const headers = lastHeaders();
    t.equal(headers.get('x-identity-kind'), 'certificate');
    t.equal(headers.get('x-identity-subject'), spiffeId('billing'));
    t.equal(headers.get('x-identity-scopes'), 'orders:read');
    t.equal(headers.get('x-identity-roles'), 'batch');
    t.notOk(headers.has('x-identity-issuer') || headers.has('x-identity-expires'));
    const der = new X509Certificate(billing.cert).raw;
    t.equal(headers.get('client-cert'), `:${der.toString('base64')}:`, 'handed on (RFC 9440)');

    t.equal(await get('/named', billing), 200);
    t.equal(lastHeaders().get('x-identity-subject'), 'CN=billing');
    t.notOk(lastHeaders().has('client-cert'), 'only where the route asks');
    t.equal(await get('/public', billing), 200);
    t.equal(lastHeaders().get('x-identity-kind'), 'anonymous');
    t.ok(lastHeaders().has('client-cert'));

    const before = seen.length;
    t.same(
      await get('/service', await pki.leaf('orders', spiffeId('orders'))),
      [403, 'access_denied'],
      'another service',
    );
    t.same(
      await get('/service', await pki.foreignLeaf('billing', spiffeId('billing'))),
      [401, 'credentials_missing'],
      'of a foreign CA',
    );
    t.same(
      await get('/service', await pki.expiredLeaf('billing', spiffeId('billing'))),
      [401, 'credentials_missing'],
      'expired',
    );
    t.same(
      await get('/service', await pki.leaf('nobody', 'https://gatehouse.internal/billing')),
      [403, 'certificate_not_accepted'],
      'no SPIFFE id',
    );
    t.same(await get('/service'), [401, 'credentials_missing'], 'none');
    t.same(await get('/bearer', billing), [401, 'credentials_missing'], 'where it is not listed');
    const forged = {
      'client-cert': `:${der.toString('base64')}:`,
      'x-ssl-client-cert': billing.cert.replaceAll('\n', ' '),
    };
    t.same(await get('/service', undefined, forged), [401, 'credentials_missing'], 'as a header');
    t.equal(seen.length, before, 'not a byte of these at the upstream');
    t.equal(await get('/service', billing), 200, 'a good one right after');
    await get('/public', undefined, forged);
    t.notOk(lastHeaders().has('client-cert'), 'a client\u2019s own Client-Cert is dropped');
  });

for (const protocol of ['HTTP/1.1', 'HTTP/2'])
  t.test(`${protocol}: a token beside a certificate is the credential, and may be bound to it`, async (t) => {
    const { pki, get, token, lastHeaders, seen } = await start(t, protocol);
    const billing = await pki.leaf('billing', spiffeId('billing'));
    const other = await pki.leaf('orders', spiffeId('orders'));
    const x5t = createHash('sha256').update(new X509Certificate(billing.cert).raw).digest('base64url');
    const bearer = (cnf?: object) => ({ authorization: `Bearer ${token(cnf === undefined ? {} : { cnf })}` });
    const bound = bearer({ 'x5t#S256': x5t });

    t.equal(await get('/service', other, bearer()), 200, 'an unbound one comes with any certificate');
    t.equal(lastHeaders().get('x-identity-kind'), 'user');
    t.equal(await get('/service', billing, bound), 200);
    t.equal(lastHeaders().get('x-identity-subject'), 'user-1');
    t.equal(
      await get('/bearer', billing, bound),
      200,
      'bound, on a route that takes no certificates by themselves',
    );
    const before = seen.length;
    t.same(await get('/service', other, bound), [401, 'token_binding'], 'another certificate');
    t.same(await get('/bearer', undefined, bound), [401, 'token_binding'], 'no certificate');
    t.same(await get('/bearer', billing, bearer({ 'x5t#S256': `${x5t}=` })), [401, 'token_binding']);
    t.same(
      await get('/bearer', billing, bearer({ 'x5t#S256': x5t, jkt: 'k' })),
      [401, 'token_binding'],
      'both are needed',
    );
    t.same(await get('/bearer', billing, bearer({ 'x5t#S256': [x5t] })), [401, 'token_binding']);
    t.same(
      await get('/service', billing, { authorization: 'Bearer abc' }),
      [401, 'token_malformed'],
      'a bad token is not made good by a certificate',
    );
    t.equal(seen.length, before);
    t.equal(await get('/bearer', billing, bound), 200, 'a good one right after');
  });
