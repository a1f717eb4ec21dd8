import type { AssumedCaller } from '../../../contracts/admin-explain.js';
import { API_KEY_PREFIX } from '../../../contracts/auth-api.js';
import { CallersOf } from '../caller.js';
import type { CredentialSources } from '../credential-sources.js';
import type { Issuer } from '../issuer.js';
import type { KeySource, VerificationKey } from '../key-source.js';
import type { ApiKeys } from '../ports.js';
import type { ProtectedRoute, Route } from '../route.js';
import type { RouteTable, Snapshot } from '../snapshot.js';
import type { ClientCertificate, InboundRequest } from '../states.js';
import type { VerifiedToken } from '../verified-token.js';
import type { Verification, VerifiedTokenCache } from '../verified-token-cache.js';

/** What the pipeline is given so that it finds this caller verified, and decides everything else by itself. */
export interface Assumption {
  snapshot: Snapshot;
  request: InboundRequest;
  verifiedTokens: VerifiedTokenCache;
  apiKeys: ApiKeys;
}

const KEY: VerificationKey = { kid: 'assumed', alg: 'none', verifies: () => false };
const KEYS: KeySource = {
  find: () => KEY,
  fetchMissing: async () => KEY,
  isRevoked: () => false,
  available: true,
};
const LIFETIME_S = 900;

/**
 * Puts the caller where the pipeline looks for tokens that it has verified before. The token's text is good for
 * nothing else: where an issuer other than the route's is assumed, it is looked at, and refused for that.
 */
export function assumeCaller(
  caller: AssumedCaller,
  request: InboundRequest,
  snapshot: Snapshot,
  nowMs: number,
): Assumption {
  const text = unsignedToken(caller, snapshot);
  let verification: Verification | undefined;
  const prepare = (route: Route): Route => {
    verification = undefined;
    if (route.access === 'public') return route;
    const issuer = route.issuers.find((accepted) => isAssumed(caller, accepted));
    if (issuer === undefined) return { ...route, credentials: anyCredential(caller, route) };
    const standIn = { ...issuer, keys: KEYS };
    const token = assumedToken(caller, issuer, nowMs);
    verification = { token, callers: new CallersOf(token), issuer: standIn, namedKid: undefined, key: KEY };
    const issuers = route.issuers.map((accepted) => (accepted === issuer ? standIn : accepted));
    return { ...route, issuers, credentials: anyCredential(caller, route) };
  };
  return {
    snapshot: { ...snapshot, routes: withPrepared(snapshot.routes, prepare) },
    request: withCredential(request, caller, text),
    verifiedTokens: {
      get: (asked) => (asked === text ? verification : undefined),
      set: () => undefined,
      delete: () => undefined,
    },
    apiKeys: { tokenFor: () => text, discard: () => false },
  };
}

const isAssumed = ({ issuer }: AssumedCaller, accepted: Issuer): boolean =>
  issuer === undefined || issuer === accepted.name || issuer === accepted.issuer;

/** An assumed user stands for whatever credential the route takes; a key and a certificate have to be taken by it. */
function anyCredential({ kind = 'user' }: AssumedCaller, { credentials }: ProtectedRoute): CredentialSources {
  return kind === 'api-key' || kind === 'certificate' ? credentials : { ...credentials, bearer: true };
}

function withPrepared(routes: RouteTable, prepare: (route: Route) => Route): RouteTable {
  return {
    all: routes.all,
    find(...wanted) {
      const match = routes.find(...wanted);
      return match !== undefined && 'route' in match ? { ...match, route: prepare(match.route) } : match;
    },
  };
}

function withCredential(request: InboundRequest, caller: AssumedCaller, text: string): InboundRequest {
  if (caller.kind === 'certificate') return { ...request, clientCertificate: certificateOf(caller.subject) };
  const credential = caller.kind === 'api-key' ? `${API_KEY_PREFIX}assumed` : text;
  return { ...request, headers: [...request.headers, 'authorization', `Bearer ${credential}`] };
}

/** Names the subject in both ways that a profile may go by. */
function certificateOf(subject: string): ClientCertificate {
  return { der: Buffer.of(), subjectAltName: `URI:${subject}`, subject, fingerprint256: '' };
}

function unsignedToken({ issuer: wanted }: AssumedCaller, { routes }: Snapshot): string {
  const issuers = routes.all.flatMap((route) => (route.access === 'public' ? [] : route.issuers));
  const known = issuers.find(({ name }) => name === wanted);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = part({ alg: known?.algorithms[0] ?? 'ES256' });
  return `${header}.${part({ iss: known?.issuer ?? wanted ?? 'assumed' })}.assumed0`;
}

function assumedToken(caller: AssumedCaller, issuer: Issuer, nowMs: number): VerifiedToken {
  const nowS = Math.floor(nowMs / 1000);
  const ofOurs = issuer.own ? 'assumed' : undefined;
  return {
    issuer: issuer.issuer,
    subject: caller.subject,
    expiresAt: nowS + LIFETIME_S,
    issuedAt: nowS,
    client: caller.client ?? ofOurs,
    session: ofOurs,
    tokenId: ofOurs,
    // As new as can be: what was revoked was older.
    version: issuer.own ? Number.MAX_SAFE_INTEGER : undefined,
    keyId: KEY.kid,
    scopes: caller.scopes ?? [],
    roles: caller.roles ?? [],
    claims: caller.claims ?? {},
  };
}
