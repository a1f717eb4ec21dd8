import { SERVICE_SUBJECT_PREFIX } from '../../contracts/access-token.js';
import type { ApiKeyExchange } from '../../contracts/auth-api.js';
import type { Clock } from '../../kit/clock.js';
import { matchesSecret } from '../oauth/secret-hash.js';
import { findApiKey, markApiKeyUsed } from '../stores/api-keys.js';
import type { Database } from '../stores/database.js';
import type { IssueAccessToken } from '../tokens/access-token.js';
import { isLive } from './api-key.js';
import { parseApiKeyText } from './api-key-text.js';

/** Undefined for a key that is unknown or has ended. */
export type ExchangeApiKey = (text: string) => Promise<ApiKeyExchange | undefined>;

export const API_KEY_TOKEN_TTL_S = 600;
/** Gateways renew every eight minutes, so a key in use is seen once in each such span. */
const COARSE_MS = 300_000;
/** `client_id` of the tokens: no client can be called so, and the key shows. */
export const API_KEY_CLIENT_PREFIX = 'api-key:';
const TOKEN_VERSION = 0;

/**
 * A token of the key's service, for ten minutes but no longer than the key has left (design 4.11). `sid` is the key, so
 * that revoking it reaches every gateway as fast as the end of a session does.
 */
export function createExchangeApiKey(deps: {
  database: Database;
  clock: Clock;
  issueAccessToken: IssueAccessToken;
}): ExchangeApiKey {
  const { database, clock, issueAccessToken } = deps;
  return async (text) => {
    const parsed = parseApiKeyText(text);
    if (parsed === undefined) return undefined;
    const nowMs = clock.now();
    const key = await database.run((db) => findApiKey(db, parsed.id));
    if (!matchesSecret(parsed.secret, key?.secretHash) || key === undefined || !isLive(key, nowMs))
      return undefined;
    const nowS = Math.floor(nowMs / 1000);
    const keyEndsS = Math.floor((key.expiresAtMs ?? Number.POSITIVE_INFINITY) / 1000);
    const expiresS = Math.min(nowS + API_KEY_TOKEN_TTL_S, keyEndsS);
    if (expiresS <= nowS) return undefined;
    await database.run((db) => markApiKeyUsed(db, key, nowMs, COARSE_MS));
    const accessToken = await issueAccessToken(
      {
        subject: SERVICE_SUBJECT_PREFIX + key.service,
        clientId: API_KEY_CLIENT_PREFIX + key.id,
        sessionId: key.id,
        tokenVersion: TOKEN_VERSION,
        roles: [],
        scopes: key.scopes,
      },
      expiresS,
    );
    return { access_token: accessToken, expires_in: expiresS - nowS };
  };
}
