import type { AccessTokenClaims } from '../../contracts/access-token.js';
import { Problem } from '../../contracts/problem.js';
import type { Account } from '../accounts/account.js';
import type { Envelope } from '../keys/envelope.js';
import type { Database } from '../stores/database.js';
import type { VerifyOwnToken } from '../tokens/access-token.js';
import type { Family } from '../tokens/family.js';
import { findPresentedFamily } from '../tokens/find-presented-family.js';
import { parseRefreshToken } from '../tokens/refresh-token.js';

/** A token that we made, in force or not. */
export type OwnToken = { kind: 'access'; clientId: string; claims: AccessTokenClaims } | OwnRefreshToken;

export interface OwnRefreshToken {
  kind: 'refresh';
  clientId: string;
  family: Family;
  account: Account;
  generation: number;
}

/** Undefined for anything else. What it is shows, so a `token_type_hint` (RFC 7009 section 2.1) is not needed. */
export type FindOwnToken = (text: string) => Promise<OwnToken | undefined>;

export function createFindOwnToken(deps: {
  database: Database;
  envelope: Envelope;
  verifyOwnToken: VerifyOwnToken;
}): FindOwnToken {
  return async (text) => {
    const token = parseRefreshToken(text);
    if (token !== undefined) {
      const found = await findPresentedFamily(deps, token);
      if (found === undefined) return undefined;
      const { family, account } = found;
      return { kind: 'refresh', clientId: family.clientId, family, account, generation: token.generation };
    }
    try {
      const claims = await deps.verifyOwnToken(text);
      return { kind: 'access', clientId: claims.client_id, claims };
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return undefined;
      throw error;
    }
  };
}
