import { SERVICE_SUBJECT_PREFIX } from '../../contracts/access-token.js';
import type { Identity } from '../../contracts/identity-headers.js';
import { claimAt } from './claim-path.js';
import type { ClaimPath } from './issuer.js';
import type { JsonObject } from './strict-json.js';
import type { VerifiedToken } from './verified-token.js';

/** Who is calling. One object a token, so that what is made from it can be kept beside it. */
export interface Caller {
  readonly identity: Identity;
  /** The token's own claims; empty without a token. */
  readonly claims: JsonObject;
}

const NO_CLAIMS: JsonObject = Object.freeze({});

export const ANONYMOUS: Caller = Object.freeze({
  identity: Object.freeze({ kind: 'anonymous', scopes: [], roles: [] } satisfies Identity),
  claims: NO_CLAIMS,
});

const people = new WeakMap<VerifiedToken, Caller>();
const keyHolders = new WeakMap<VerifiedToken, Caller>();

/** The caller of a verified token. `isApiKey`: the token was exchanged for a key. */
export function callerOf(token: VerifiedToken, isApiKey: boolean): Caller {
  const known = isApiKey ? keyHolders : people;
  let caller = known.get(token);
  if (caller === undefined) {
    caller = { identity: identityOf(token, isApiKey), claims: token.claims };
    known.set(token, caller);
  }
  return caller;
}

export function callerWithoutToken(identity: Identity): Caller {
  return { identity, claims: NO_CLAIMS };
}

function identityOf(token: VerifiedToken, isApiKey: boolean): Identity {
  // Only our own issuer's tokens have a version; a foreign issuer does not get to name our services.
  const isService = token.version !== undefined && token.subject.startsWith(SERVICE_SUBJECT_PREFIX);
  const kind = isService ? 'service' : 'user';
  return {
    kind: isApiKey ? 'api-key' : kind,
    subject: token.subject,
    issuer: token.issuer,
    expires: token.expiresAt,
    scopes: token.scopes,
    roles: token.roles,
    ...(token.client === undefined ? {} : { client: token.client }),
    ...(token.session === undefined ? {} : { session: token.session }),
    ...(token.tokenId === undefined ? {} : { token: token.tokenId }),
  };
}

/** The claims that every caller has under these names, wherever its issuer puts them. */
const STANDARD: Readonly<Record<string, (identity: Identity) => unknown>> = {
  sub: ({ subject }) => subject,
  iss: ({ issuer }) => issuer,
  client_id: ({ client }) => client,
  sid: ({ session }) => session,
  jti: ({ token }) => token,
  exp: ({ expires }) => expires,
  scope: ({ scopes }) => scopes,
  roles: ({ roles }) => roles,
};

/** What rules and custom identity headers mean by a claim's name. */
export function callerClaim({ identity, claims }: Caller, path: ClaimPath): unknown {
  const [name = ''] = path;
  const standard = path.length === 1 && Object.hasOwn(STANDARD, name) ? STANDARD[name] : undefined;
  return standard === undefined ? claimAt(claims, path) : standard(identity);
}
