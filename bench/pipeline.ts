/**
 * What a request costs in the pipeline alone, without network: the whole flow, and each stage by itself with what the
 * stage before gave it. CPU time, so that a busy machine does not lengthen it. `npx tsx bench/pipeline.ts [rounds]`.
 */
import { stringify } from 'yaml';
import { spiffeId } from '../contracts/spiffe.js';
import { prepareVerifier } from '../gateway/adapters/token-verifier.js';
import { createVerifiedTokenCache } from '../gateway/adapters/verified-token-cache.js';
import { addIdentityHeaders } from '../gateway/pipeline/add-identity-headers.js';
import { decideCaller } from '../gateway/pipeline/decide-caller.js';
import { handleRequest } from '../gateway/pipeline/handle-request.js';
import { limitRate } from '../gateway/pipeline/limit-rate.js';
import { locate, matchRoute } from '../gateway/pipeline/match-route.js';
import {
  type Exchange,
  type GatewayPorts,
  type KeySource,
  newTransfer,
  type VerificationKey,
} from '../gateway/pipeline/ports.js';
import { receive } from '../gateway/pipeline/receive.js';
import { rewritePath } from '../gateway/pipeline/rewrite-path.js';
import type { InboundRequest } from '../gateway/pipeline/states.js';
import { stripReservedHeaders } from '../gateway/pipeline/strip-reserved-headers.js';
import { verifyToken } from '../gateway/pipeline/verify-token.js';
import { compileSnapshot } from '../gateway/routing/compile.js';
import { GatewayConfigSchema } from '../gateway/routing/schema.js';
import { parseConfig } from '../kit/config-file.js';
import { goodClaims, signToken, testKey } from '../test/fixtures/test-issuer.js';

const ROUNDS = Number(process.argv[2] ?? 9);
const CALLS = 20_000;
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
const snapshot = compileSnapshot(
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

const token = (jti: string): string =>
  signToken(issuerKey, goodClaims(ISSUER, Date.now(), { jti, aud: 'api' }));

const request = (text: string): InboundRequest => ({
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

const gateway = {
  snapshot: () => snapshot,
  now: () => Date.now(),
  monotonic: () => performance.now(),
  verifiedTokens: createVerifiedTokenCache(),
  revocations: { find: () => undefined, ageMs: () => 0 },
  openRequests: { watch: () => () => undefined },
  load: { excess: () => undefined },
  rateLimiter: { take: () => ({ admitted: true, standings: [] }) },
  record: () => undefined,
} as unknown as GatewayPorts;

const exchange = (inbound: InboundRequest): Exchange => ({
  request: inbound,
  transfer: newTransfer(),
  forward: async () => ({ status: 200 }),
  refuse: (problem) => {
    throw problem;
  },
  answer: ({ status }) => ({ status }),
  cut: () => undefined,
});

/** Microseconds of CPU a call: the median of the rounds. */
async function micros(call: (index: number) => unknown, calls = CALLS): Promise<number> {
  const rounds: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let index = 0; index < calls; index++) {
      const result = call(index);
      if (result instanceof Promise) await result;
    }
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) rounds.push((user + system) / calls);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
}

const say = (name: string, value: number): boolean =>
  process.stdout.write(`${name.padEnd(34)}${value.toFixed(2).padStart(8)} µs\n`);

const warm = request(token('warm'));
const received = receive(warm, snapshot, Date.now());
const stripped = stripReservedHeaders(received);
const located = locate(stripped);
const routed = matchRoute(located);
const { authorized } = await decideCaller(routed, gateway);
const addressed = rewritePath(limitRate(authorized, gateway.rateLimiter));

say('the whole flow, token known', await micros(() => handleRequest(exchange(warm), gateway)));
say('  receive', await micros(() => receive(warm, snapshot, Date.now())));
say('  strip reserved headers', await micros(() => stripReservedHeaders(received)));
say('  locate', await micros(() => locate(stripped)));
say('  match route', await micros(() => matchRoute(located)));
say('  decide caller', await micros(() => decideCaller(routed, gateway)));
say(
  '  limit rate, rewrite path',
  await micros(() => rewritePath(limitRate(authorized, gateway.rateLimiter))),
);
say('  add identity headers', await micros(() => addIdentityHeaders(addressed, gateway.assertions)));

const first = Array.from({ length: 2000 }, (_, index) => token(`new-${index}`));
const forgetful = { get: () => undefined, set: () => undefined, delete: () => undefined };
const presented = first.map((text) => ({ ...routed, credential: { source: 'bearer', text } }));
say(
  'verify a token at first sight',
  await micros(
    (index) =>
      verifyToken(presented[index % presented.length] as Parameters<typeof verifyToken>[0], forgetful),
    2000,
  ),
);
