import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../../../test/fixtures/free-port.js';
import { originOf, type Peer, type Setup } from '../peer.js';
import { startPinned, versionOf } from '../processes.js';
import { AUDIENCE, folder, ISSUER, type World } from '../world.js';

const TYPES = 'type.googleapis.com/envoy.extensions';
/** By header and not by metadata, which would make a table of all claims for each request. */
const REVOCABLE = 'x-revocable';

/** One worker; `jwt_authn` with its cache on, and a table of revoked tokens in Lua. */
export const envoy: Peer = {
  name: 'Envoy',
  remark: 'its own cache of tokens is on; revoked ones in a table of Lua; `exp` may be over by 60 s',
  version: () => versionOf('envoy'),
  async start(setup) {
    const { world, variant, cpus } = setup;
    const dir = folder(world, 'envoy');
    const port = await freePort();
    const config = join(dir, 'envoy.yaml');
    writeFileSync(config, stringify(bootstrap(setup, port, dir)));
    const args = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning'];
    return {
      ...(await startPinned({ command: 'envoy', args, port, cpus })),
      origin: originOf(port, variant),
    };
  },
};

function bootstrap(setup: Setup, port: number, dir: string): object {
  const { world, variant } = setup;
  const listener = {
    name: 'front',
    address: address(port),
    filter_chains: [
      {
        filters: [
          typed('envoy.filters.network.http_connection_manager', connectionManager(setup, dir), {
            type: 'filters.network.http_connection_manager.v3.HttpConnectionManager',
          }),
        ],
        ...(variant.tls ? { transport_socket: frontTls(world) } : {}),
      },
    ],
  };
  return { static_resources: { listeners: [listener], clusters: [upstreamCluster(setup)] } };
}

function connectionManager({ world, variant }: Setup, dir: string): object {
  const log = { path: join(dir, 'access.log') };
  return {
    stat_prefix: 'front',
    codec_type: 'AUTO',
    ...(variant.accessLog
      ? {
          access_log: [
            typed('envoy.access_loggers.file', log, { type: 'access_loggers.file.v3.FileAccessLog' }),
          ],
        }
      : {}),
    http_filters: [
      typed('envoy.filters.http.jwt_authn', authentication(world), {
        type: 'filters.http.jwt_authn.v3.JwtAuthentication',
      }),
      typed(
        'envoy.filters.http.lua',
        { default_source_code: { inline_string: revocation(world.revoked) } },
        { type: 'filters.http.lua.v3.Lua' },
      ),
      typed('envoy.filters.http.router', {}, { type: 'filters.http.router.v3.Router' }),
    ],
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          request_headers_to_remove: [REVOCABLE],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'upstream', timeout: '60s' } }],
        },
      ],
    },
  };
}

/** The algorithm is that of the key: the set names ES256. */
function authentication({ jwksFile }: World): object {
  return {
    providers: {
      main: {
        issuer: ISSUER,
        audiences: [AUDIENCE],
        require_expiration: true,
        local_jwks: { filename: jwksFile },
        from_headers: [{ name: 'Authorization', value_prefix: 'Bearer ' }],
        forward: false,
        jwt_cache_config: { jwt_cache_size: 20_000 },
        claim_to_headers: [
          { header_name: 'x-identity-subject', claim_name: 'sub' },
          { header_name: REVOCABLE, claim_name: 'jti' },
        ],
      },
    },
    rules: [{ match: { prefix: '/' }, requires: { provider_name: 'main' } }],
  };
}

const revocation = (revoked: readonly string[]): string => `
local revoked = {${revoked.map((jti) => `['${jti}']=true`).join(',')}}
function envoy_on_request(handle)
  if revoked[handle:headers():get('${REVOCABLE}')] then
    handle:respond({ [':status'] = '401' }, 'revoked')
  end
end
`;

function upstreamCluster({ world, upstreamPort }: Setup): object {
  const { ca, gateway } = world.pki;
  const tls = {
    sni: 'localhost',
    common_tls_context: {
      tls_certificates: [certificate(gateway)],
      validation_context: {
        trusted_ca: { filename: ca },
        match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'localhost' } }],
      },
    },
  };
  return {
    name: 'upstream',
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: 'upstream',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
    },
    transport_socket: typed('envoy.transport_sockets.tls', tls, {
      type: 'transport_sockets.tls.v3.UpstreamTlsContext',
    }),
  };
}

const frontTls = ({ pki }: World): object =>
  typed(
    'envoy.transport_sockets.tls',
    {
      common_tls_context: {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_certificates: [certificate(pki.front)],
      },
    },
    { type: 'transport_sockets.tls.v3.DownstreamTlsContext' },
  );

const certificate = ({ cert, key }: { cert: string; key: string }): object => ({
  certificate_chain: { filename: cert },
  private_key: { filename: key },
});

const address = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

const typed = (name: string, settings: object, { type }: { type: string }): object => ({
  name,
  typed_config: { '@type': `${TYPES}.${type}`, ...settings },
});
