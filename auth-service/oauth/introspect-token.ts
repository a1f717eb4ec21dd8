import type { AccessTokenClaims } from '../../contracts/access-token.js';
import type { Clock } from '../../kit/clock.js';
import type { SessionConfig } from '../options.js';
import type { Database } from '../stores/database.js';
import { findRevokingEntry } from '../stores/find-revoking-entry.js';
import { decideRotation } from '../tokens/decide-rotation.js';
import type { ConfidentialClient } from './authenticate-client.js';
import type { FindOwnToken, OwnRefreshToken } from './find-own-token.js';

/** RFC 7662 section 2.2. */
export type Introspection = { active: false } | ({ active: true } & Record<string, unknown>);

export type IntrospectToken = (token: string, client: ConfidentialClient) => Promise<Introspection>;

const INACTIVE = { active: false } as const;

/**
 * What a resource server is told of a token, by the database and not by a copy of it. Any confidential client may ask
 * about any access token, since that is what it is handed; a refresh token is nobody's business but its own client's.
 * Everything that is not good right now is `{"active":false}` and nothing more.
 */
export function createIntrospectToken(deps: {
  database: Database;
  clock: Clock;
  settings: SessionConfig;
  findOwnToken: FindOwnToken;
}): IntrospectToken {
  const { database, clock, settings, findOwnToken } = deps;

  return async (text, client) => {
    const token = await findOwnToken(text);
    if (token?.kind === 'access') return accessToken(token.claims);
    if (token === undefined || token.clientId !== client.id) return INACTIVE;
    return refreshToken(token);
  };

  async function accessToken(claims: AccessTokenClaims): Promise<Introspection> {
    const nowS = clock.now() / 1000;
    if (claims.exp <= nowS) return INACTIVE;
    const entry = await database.run((db) => findRevokingEntry(db, claims, Math.floor(nowS)));
    if (entry !== undefined) return INACTIVE;
    return { active: true, token_type: claims.cnf?.jkt === undefined ? 'Bearer' : 'DPoP', ...claims };
  }

  async function refreshToken({ family, account, generation }: OwnRefreshToken): Promise<Introspection> {
    const nowMs = clock.now();
    const expiresMs = Math.min(
      family.lastUsedAtMs + settings.idleMs,
      family.createdAtMs + settings.absoluteMs,
    );
    const isOver = family.revoked || nowMs >= expiresMs;
    if (isOver || decideRotation(generation, family, nowMs, settings) === 'reuse') return INACTIVE;
    if (account.status !== 'active' || account.tokenVersion !== family.tokenVersion) return INACTIVE;
    return {
      active: true,
      sub: account.id,
      client_id: family.clientId,
      sid: family.id,
      exp: Math.floor(expiresMs / 1000),
      iat: Math.floor(family.createdAtMs / 1000),
      ...(family.dpopJkt && { cnf: { jkt: family.dpopJkt } }),
    };
  }
}
