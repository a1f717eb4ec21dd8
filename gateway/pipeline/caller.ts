import { SERVICE_SUBJECT_PREFIX } from '../../contracts/access-token.js';
import type { Identity } from '../../contracts/identity-headers.js';
import { claimAt } from './claim-path.js';
import type { TokenCredential } from './credential-sources.js';
import type { HeaderList } from './header-list.js';
import type { IdentityLayout } from './identity-layout.js';
import type { ClaimPath } from './issuer.js';
import type { JsonObject } from './strict-json.js';
import type { VerifiedToken } from './verified-token.js';

/** Who is calling. One object a token, so that what is made from it can be kept beside it. */
export interface Caller {
  readonly identity: Identity;
  /** The token's own claims; empty without a token. */
  readonly claims: JsonObject;
  /** The last of what `identity-headers.ts` has made of it. */
  readonly blocks: IdentityBlock[];
}

/** Identity headers in one layout. */
export interface IdentityBlock {
  layout: IdentityLayout;
  headers: HeaderList;
  /** As they go over the wire. */
  bytes: number;
}

const NO_CLAIMS: JsonObject = Object.freeze({});

export const ANONYMOUS: Caller = Object.freeze({
  identity: Object.freeze({ kind: 'anonymous', scopes: [], roles: [] } satisfies Identity),
  claims: NO_CLAIMS,
  blocks: [],
});

/**
 * The callers of one verified token, each made when it is first asked for. They are kept with the token: a WeakMap of
 * tens of thousands of them would be gone through at each garbage collection.
 */
export class CallersOf {
  readonly #token: VerifiedToken;
  #person: Caller | undefined;
  #keyHolder: Caller | undefined;

  constructor(token: VerifiedToken) {
    this.#token = token;
  }

  /** Who comes with it so: whoever it names, or the holder of the API key that it was exchanged for. */
  by({ source }: TokenCredential): Caller {
    if (source === 'api-key') {
      this.#keyHolder ??= callerOf(this.#token, true);
      return this.#keyHolder;
    }
    this.#person ??= callerOf(this.#token, false);
    return this.#person;
  }
}

const callerOf = (token: VerifiedToken, isApiKey: boolean): Caller => ({
  identity: identityOf(token, isApiKey),
  claims: token.claims,
  blocks: [],
});

export function callerWithoutToken(identity: Identity): Caller {
  return { identity, claims: NO_CLAIMS, blocks: [] };
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
