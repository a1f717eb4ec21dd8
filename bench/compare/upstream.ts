import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/fixtures/free-port.js';
import { type Running, startPinned } from './processes.js';
import { folder, type World } from './world.js';

export const BODY = '{"orders":[{"id":"o-1","state":"shipped"}]}\n\n\n';
export const SIZES: Readonly<Record<string, number>> = { '1k': 1024, '64k': 65_536, '10m': 10_485_760 };

export interface Upstream extends Running {
  /** Asks for a client certificate of the internal CA. */
  port: number;
  /** The same without asking, for what a direct call costs: h2load shows no certificate. */
  openPort: number;
  /** All ports that are as `port`: itself, and as many more as were asked for. */
  ports: number[];
}

/** nginx over mTLS: `/api/orders` answers 46 bytes of JSON, `/api/bodies/SIZE` a file. */
export async function startUpstream(world: World, cpus: string, more = 0): Promise<Upstream> {
  const dir = folder(world, 'upstream');
  const [port, openPort] = [await freePort(), await freePort()];
  const distinct = new Set([port]);
  while (distinct.size <= more) distinct.add(await freePort());
  const ports = [...distinct];
  mkdirSync(join(dir, 'api/bodies'), { recursive: true });
  for (const [name, bytes] of Object.entries(SIZES))
    writeFileSync(join(dir, 'api/bodies', name), Buffer.alloc(bytes, 'x'));
  const { ca, upstream } = world.pki;
  const tls = `ssl_certificate ${upstream.cert}; ssl_certificate_key ${upstream.key}; ssl_client_certificate ${ca}; ssl_protocols TLSv1.2 TLSv1.3;`;
  const content = `root ${dir}; default_type application/json; location = /api/orders { return 200 '${BODY}'; }`;
  const config = join(dir, 'nginx.conf');
  writeFileSync(
    config,
    `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 75s; sendfile on; tcp_nopush on;
  client_body_temp_path ${dir}/t1; proxy_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3; uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5;
  server { ${ports.map((each) => `listen 127.0.0.1:${each} ssl;`).join(' ')} ${tls} ssl_verify_client on; ${content} }
  server { listen 127.0.0.1:${openPort} ssl; ${tls} ${content} }
}
`,
  );
  const running = await startPinned({ command: 'nginx', args: ['-c', config, '-p', dir], port, cpus });
  return { ...running, port, openPort, ports };
}
