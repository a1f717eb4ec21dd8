/** What the benches of the pipeline share: two hundred routes, a caller, a gateway without network. */
import { stringify } from 'yaml';
import { spiffeId } from '../contracts/spiffe.js';
import { prepareVerifier } from '../gateway/adapters/token-verifier.js';
import { createVerifiedTokenCache } from '../gateway/adapters/verified-token-cache.js';
import {
  type Exchange,
  type GatewayPorts,
  type KeySource,
  newTransfer,
  type VerificationKey,
} from '../gateway/pipeline/ports.js';
import type { InboundRequest } from '../gateway/pipeline/states.js';
import { compileSnapshot } from '../gateway/routing/compile.js';
import { GatewayConfigSchema } from '../gateway/routing/schema.js';
import { parseConfig } from '../kit/config-file.js';
import { goodClaims, signToken, testKey } from '../test/fixtures/test-issuer.js';

const ISSUER = 'https://issuer.bench.test';

const issuerKey = await testKey();
const pem = issuerKey.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const key: VerificationKey = {
  kid: issuerKey.kid,
  alg: 'ES256',
  verifies: await prepareVerifier(pem, 'ES256'),
};
const keySource: KeySource = {
  find: () => key,
  fetchMissing: async () => 'absent',
  isRevoked: () => false,
  available: true,
};

const upstream = { url: 'https://127.0.0.1:9443', spiffe_id: spiffeId('orders') };
export const snapshot = compileSnapshot(
  parseConfig(
    stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      internal_tls: { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' },
      issuers: {
        main: { issuer: ISSUER, audience: 'api', jwks_uri: 'https://keys/jwks', upstream: 'orders' },
      },
      revocation: { feed_url: 'https://127.0.0.1:9444', feed_spiffe_id: spiffeId('auth-service') },
      upstreams: { orders: upstream },
      auth: { caller: { issuers: ['main'] } },
      routes: Array.from({ length: 200 }, (_, index) => ({
        path: `/api/service-${index}/orders/:id`,
        methods: ['GET', 'POST'],
        auth: { profile: 'caller', scopes: ['orders:read'] },
        upstream: 'orders',
      })),
    }),
    'gateway.yaml',
    GatewayConfigSchema,
    {},
  ),
  () => keySource,
);

export const token = (jti: string): string =>
  signToken(issuerKey, goodClaims(ISSUER, Date.now(), { jti, aud: 'api' }));

export const request = (text: string): InboundRequest => ({
  id: '0b6a3f5e-4c9f-4a6e-9a55-1f2d3c4b5a69',
  method: 'GET',
  target: '/api/service-77/orders/o-1234?expand=lines',
  httpVersion: '1.1',
  headers: [
    ...[
      'host',
      'api.example.com',
      'user-agent',
      'Mozilla/5.0 (X11; Linux x86_64)',
      'accept',
      'application/json',
    ],
    ...['accept-language', 'en', 'accept-encoding', 'gzip, br', 'authorization', `Bearer ${text}`],
    ...[
      'origin',
      'https://app.example.com',
      'connection',
      'keep-alive',
      'referer',
      'https://app.example.com/',
    ],
  ],
  remoteAddress: '192.0.2.7',
  peer: { address: '192.0.2.7', isTrustedProxy: false },
  protocol: 'https',
  isUpgrade: false,
});

export const gateway = {
  snapshot: () => snapshot,
  now: () => Date.now(),
  monotonic: () => performance.now(),
  verifiedTokens: createVerifiedTokenCache(),
  revocations: { find: () => undefined, ageMs: () => 0 },
  openRequests: { watch: () => () => undefined },
  load: { excess: () => undefined },
  rateLimiter: { take: () => ({ admitted: true, standings: [] }) },
  open: { requests: 0, streams: 0, webSockets: 0 },
  record: () => undefined,
} as unknown as GatewayPorts;

export const exchange = (inbound: InboundRequest): Exchange => ({
  request: inbound,
  transfer: newTransfer(),
  forward: async () => ({ status: 200 }),
  refuse: (problem) => {
    throw problem;
  },
  answer: ({ status }) => ({ status }),
  mirror: () => undefined,
  cut: () => undefined,
});
