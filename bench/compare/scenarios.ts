import type { Variant } from './peer.js';
import type { World } from './world.js';

export interface Scenario {
  name: string;
  title: string;
  variant: Variant;
  path: string;
  status: number;
  /** Clients come over HTTP/2: eight connections, eight requests at a time on each. */
  http2?: boolean;
  /** Of no interest without a look at the token. */
  isAboutTokens?: boolean;
  /** Each token is used once in a run: this many new ones a round for each contender. */
  newTokens?: number;
  /** Used in turn, in each round. */
  tokens?(world: World): string[];
  /** Latencies at half of what it takes are measured too. */
  paced?: boolean;
}

const PLAIN: Variant = { accessLog: false, tls: false };
const ok = { variant: PLAIN, path: '/api/orders', status: 200 };
const oneToken = (world: World): string[] => [world.token()];

/** What a run does, in this order. */
export const SCENARIOS: readonly Scenario[] = [
  { ...ok, name: 'warm', title: 'One warm token', tokens: oneToken, paced: true },
  {
    ...ok,
    name: 'warm-10k',
    title: '10,000 warm tokens',
    isAboutTokens: true,
    tokens: (world) => Array.from({ length: 10_000 }, () => world.token()),
  },
  { ...ok, name: 'new', title: 'Every token new', isAboutTokens: true, newTokens: 20_000 },
  { ...ok, name: 'body-1k', title: 'Bodies of 1 KB', path: '/api/bodies/1k', tokens: oneToken },
  { ...ok, name: 'body-64k', title: 'Bodies of 64 KB', path: '/api/bodies/64k', tokens: oneToken },
  { ...ok, name: 'body-10m', title: 'Bodies of 10 MB', path: '/api/bodies/10m', tokens: oneToken },
  {
    ...ok,
    name: 'access-log',
    title: 'One warm token, access log on',
    isAboutTokens: true,
    variant: { ...PLAIN, accessLog: true },
    tokens: oneToken,
  },
  {
    ...ok,
    name: 'tls',
    title: 'One warm token, TLS at the front',
    variant: { ...PLAIN, tls: true },
    tokens: oneToken,
  },
  {
    ...ok,
    name: 'http2',
    title: 'One warm token, HTTP/2 over TLS at the front',
    variant: { ...PLAIN, tls: true },
    http2: true,
    tokens: oneToken,
  },
  {
    ...ok,
    name: 'denied',
    title: 'Token denied (expired)',
    status: 401,
    isAboutTokens: true,
    tokens: (world) => [world.token({ iat: 1_700_000_000, exp: 1_700_000_900 })],
  },
];
