import type { KeySource } from './key-source.js';

/** What a token of this issuer has to look like, and where it says what. */
export interface Issuer {
  name: string;
  /** The exact `iss`. */
  issuer: string;
  /** Any of them in `aud`. */
  audiences: readonly string[];
  algorithms: readonly string[];
  /** Accepted `typ`, in lower case and without `application/`. {@link NO_TOKEN_TYPE} stands for a token without one. */
  tokenTypes: readonly string[];
  /** Allowed clock difference. */
  leewayS: number;
  /** Longest accepted `exp - iat`. */
  maxLifetimeS: number;
  /** Our own auth service: `jti`, `sid`, `client_id` and `ver` are mandatory and `ver` is believed. */
  own: boolean;
  claims: ClaimPaths;
  keys: KeySource;
}

export const NO_TOKEN_TYPE = 'none';

/** The steps to a value in the payload: the name of a claim, then of a member of it, and so on. */
export type ClaimPath = readonly string[];

/** Where an issuer puts what the gateway reads. */
export interface ClaimPaths {
  subject: ClaimPath;
  client: ClaimPath;
  session: ClaimPath;
  tokenId: ClaimPath;
  scopes: ClaimPath;
  roles: ClaimPath;
}

/** RFC 9068 section 2.2, and ours for the rest (design 4.1). */
export const DEFAULT_CLAIM_PATHS: ClaimPaths = {
  subject: ['sub'],
  client: ['client_id'],
  session: ['sid'],
  tokenId: ['jti'],
  scopes: ['scope'],
  roles: ['roles'],
};
