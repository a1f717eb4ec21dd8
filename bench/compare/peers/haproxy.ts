import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../test/fixtures/free-port.js';
import { originOf, type Peer } from '../peer.js';
import { startPinned, versionOf } from '../processes.js';
import { AUDIENCE, folder, ISSUER } from '../world.js';

/** One thread; it verifies each time, since it has no cache of tokens. */
export const haproxy: Peer = {
  name: 'HAProxy',
  version: () => versionOf('haproxy', ['-v']),
  async start({ world, upstreamPort, variant, cpus }) {
    const dir = folder(world, 'haproxy');
    const port = await freePort();
    const { pki } = world;
    writeFileSync(join(dir, 'public.pem'), world.publicKeyPem);
    writeFileSync(join(dir, 'revoked'), world.revoked.join('\n'));
    writeFileSync(
      join(dir, 'haproxy.cfg'),
      `global
  nbthread 1
  maxconn 4000
  ${variant.accessLog ? 'log stdout format raw local0' : ''}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${variant.accessLog ? 'log global\n  option httplog' : ''}
frontend front
  bind 127.0.0.1:${port}${variant.tls ? ` ssl crt ${pki.front.both} alpn h2,http/1.1` : ''}
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.token),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.token),jwt_payload_query('$.aud')
  http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
  http-request set-var(txn.jti) var(txn.token),jwt_payload_query('$.jti')
  http-request set-var(txn.sub) var(txn.token),jwt_payload_query('$.sub')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.alg) -m str ES256 }
  http-request deny deny_status 401 unless { var(txn.iss) -m str ${ISSUER} }
  http-request deny deny_status 401 unless { var(txn.aud) -m str ${AUDIENCE} }
  http-request deny deny_status 401 unless { var(txn.token),jwt_verify(txn.alg,"${dir}/public.pem") -m int 1 }
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 401 if { var(txn.jti) -m str -f ${dir}/revoked }
  http-request del-header x-identity- -m beg
  http-request del-header authorization
  http-request set-header x-identity-subject %[var(txn.sub)]
  default_backend upstream
backend upstream
  http-reuse always
  server one 127.0.0.1:${upstreamPort} ssl verify required ca-file ${pki.ca} crt ${pki.gateway.both}
`,
    );
    const args = ['-db', '-f', join(dir, 'haproxy.cfg')];
    return {
      ...(await startPinned({ command: 'haproxy', args, port, cpus })),
      origin: originOf(port, variant),
    };
  },
};
