import type { Clock } from '../kit/clock.js';
import type { Logger } from '../kit/logger.js';
import { createAdministerApiKeys } from './api-keys/administer-api-keys.js';
import { createExchangeApiKey, type ExchangeApiKey } from './api-keys/exchange-api-key.js';
import { apiKeyRoutes } from './http/admin/api-key-routes.js';
import { clientRoutes } from './http/admin/client-routes.js';
import type { AddAdminRoutes } from './http/admin-routes.js';
import { createLoginTerms, type LoginTerms } from './http/login-terms.js';
import type { OAuthRouteDeps } from './http/oauth-routes.js';
import { createProveKey, type ProveKey } from './http/prove-key.js';
import type { Envelope } from './keys/envelope.js';
import { createAdministerClients } from './oauth/administer-clients.js';
import { createAuthenticateClient } from './oauth/authenticate-client.js';
import { createFindOwnToken } from './oauth/find-own-token.js';
import { createGrantClientCredentials } from './oauth/grant-client-credentials.js';
import { createGrantRefreshToken } from './oauth/grant-refresh-token.js';
import { createIntrospectToken } from './oauth/introspect-token.js';
import { createMakeCredential } from './oauth/make-credential.js';
import { createReplayMemory } from './oauth/replay-memory.js';
import { createRevokeToken } from './oauth/revoke-token.js';
import { createVerifyAssertion } from './oauth/verify-assertion.js';
import { createVerifyDpopProof } from './oauth/verify-dpop-proof.js';
import type { AuthConfig } from './options.js';
import type { AwaitPublished } from './revocation/await-published.js';
import type { Database } from './stores/database.js';
import type { IssueAccessToken, VerifyOwnToken } from './tokens/access-token.js';
import type { EndSession } from './tokens/end-session.js';
import type { RefreshSession } from './tokens/refresh-session.js';

export interface OAuth {
  routes: OAuthRouteDeps;
  /** For the first-party endpoints. */
  loginTerms: LoginTerms;
  proveKey: ProveKey;
  exchangeApiKey: ExchangeApiKey;
  adminRoutes: AddAdminRoutes[];
}

/** Services and machines: OAuth clients, their tokens, API keys, and proofs of keys. */
export function composeOAuth(
  config: AuthConfig,
  deps: {
    database: Database;
    envelope: Envelope;
    clock: Clock;
    random: (size: number) => Buffer;
    logger: Logger;
    awaitPublished: AwaitPublished;
    issueAccessToken: IssueAccessToken;
    verifyOwnToken: VerifyOwnToken;
    refreshSession: RefreshSession;
    endSession: EndSession;
  },
): OAuth {
  const { issuer, tokens, sessions: settings } = config;
  const { audience, accessTtlMs } = tokens;
  const parts = { ...deps, issuer };
  const { clock, random } = deps;

  const verifyAssertion = createVerifyAssertion(parts);
  const authenticateClient = createAuthenticateClient({ ...parts, verifyAssertion });
  const replays = createReplayMemory(clock);
  const proveKey = createProveKey(createVerifyDpopProof({ publicUrl: issuer, clock, replays }));
  const findOwnToken = createFindOwnToken(parts);
  const makeCredential = createMakeCredential(random);
  const administerClients = createAdministerClients({ ...parts, makeCredential });
  const administerApiKeys = createAdministerApiKeys(parts);

  return {
    routes: {
      issuer,
      authenticateClient,
      proveKey,
      grantClientCredentials: createGrantClientCredentials({ ...parts, accessTtlMs }),
      grantRefreshToken: createGrantRefreshToken({ ...parts, audience }),
      revokeToken: createRevokeToken({ ...parts, findOwnToken }),
      introspectToken: createIntrospectToken({ ...parts, settings, findOwnToken }),
    },
    loginTerms: createLoginTerms({ authenticateClient, proveKey }),
    proveKey,
    exchangeApiKey: createExchangeApiKey(parts),
    adminRoutes: [
      clientRoutes({ administerClients, clock, audience }),
      apiKeyRoutes({ administerApiKeys, clock }),
    ],
  };
}
