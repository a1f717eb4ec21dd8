import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../test/fixtures/free-port.js';
import { originOf, type Peer, type Setup, type Started } from '../peer.js';
import { startPinned, versionOf } from '../processes.js';
import { AUDIENCE, folder, ISSUER } from '../world.js';

const MODULE = '/usr/lib/nginx/modules/ngx_http_js_module.so';

/** nginx's own JavaScript, asked by a subrequest. It makes the key anew for each request: its machines live that long. */
export const nginxNjs: Peer = {
  name: 'nginx + njs',
  version: () => versionOf('nginx', ['-v']),
  start: (setup) => startNginx('nginx-njs', setup, true),
};

/** A floor: forwards over mTLS, and looks at nothing. */
export const nginxBare: Peer = {
  name: 'nginx, no auth',
  remark: 'floor: no check at all',
  floor: 'no auth',
  version: () => versionOf('nginx', ['-v']),
  start: (setup) => startNginx('nginx-bare', setup, false),
};

async function startNginx(
  name: string,
  { world, upstreamPort, variant, cpus }: Setup,
  verifies: boolean,
): Promise<Started> {
  const dir = folder(world, name);
  const port = await freePort();
  const { pki } = world;
  if (verifies) writeFileSync(join(dir, 'verify.js'), verifyScript(world.publicKeyPem, world.revoked));
  const forward = `
      proxy_pass https://upstream; proxy_http_version 1.1; proxy_set_header connection '';
      proxy_ssl_certificate ${pki.gateway.cert}; proxy_ssl_certificate_key ${pki.gateway.key};
      proxy_ssl_trusted_certificate ${pki.ca}; proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_protocols TLSv1.2 TLSv1.3;`;
  const location = verifies
    ? `location / { auth_request /_verify; auth_request_set $subject $sent_http_x_subject;
      proxy_set_header authorization ''; proxy_set_header x-identity-subject $subject; ${forward} }
    location = /_verify { internal; js_content verify.check; }`
    : `location / { ${forward} }`;
  const config = join(dir, 'nginx.conf');
  writeFileSync(
    config,
    `${verifies ? `load_module ${MODULE};` : ''}
daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr error;
events { worker_connections 4096; }
http {
  ${variant.accessLog ? `access_log ${dir}/access.log;` : 'access_log off;'} keepalive_requests 100000000;
  client_body_temp_path ${dir}/t1; proxy_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3; uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5;
  ${verifies ? `js_path ${dir}; js_import verify.js;` : ''}
  upstream upstream { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port}${variant.tls ? ` ssl http2; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate ${pki.front.cert}; ssl_certificate_key ${pki.front.key}` : ''};
    ${location}
  }
}
`,
  );
  const running = await startPinned({ command: 'nginx', args: ['-c', config, '-p', dir], port, cpus });
  return { ...running, origin: originOf(port, variant) };
}

function verifyScript(publicKeyPem: string, revoked: readonly string[]): string {
  const spki = publicKeyPem.replace(/-----[^-]+-----|\s/g, '');
  return `
const spki = Buffer.from('${spki}', 'base64');
const revoked = ${JSON.stringify(Object.fromEntries(revoked.map((jti) => [jti, 1])))};
async function check(r) {
  try {
    const header = r.headersIn.Authorization || '';
    if (!header.startsWith('Bearer ')) return r.return(401);
    const parts = header.slice(7).split('.');
    if (parts.length !== 3) return r.return(401);
    if (JSON.parse(Buffer.from(parts[0], 'base64url')).alg !== 'ES256') return r.return(401);
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('spki', spki, algorithm, false, ['verify']);
    const good = await crypto.subtle.verify(algorithm, key, Buffer.from(parts[2], 'base64url'), parts[0] + '.' + parts[1]);
    if (!good) return r.return(401);
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url'));
    if (claims.iss !== '${ISSUER}' || claims.aud !== '${AUDIENCE}') return r.return(401);
    if (claims.exp <= Date.now() / 1000 || revoked[claims.jti]) return r.return(401);
    r.headersOut['x-subject'] = claims.sub;
    r.return(204);
  } catch (e) {
    r.return(401);
  }
}
export default { check };
`;
}
