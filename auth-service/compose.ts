import { randomBytes } from 'node:crypto';
import fastifyJwt from '@fastify/jwt';
import { ACCESS_TOKEN_TYPE } from '../contracts/access-token.js';
import { Problem } from '../contracts/problem.js';
import type { RevocationFeed } from '../contracts/revocation.js';
import { GATEWAY_SPIFFE_ID, OPERATOR_SPIFFE_ID } from '../contracts/spiffe.js';
import { type Clock, systemClock } from '../kit/clock.js';
import { logWarnings } from '../kit/config/log-warnings.js';
import { type Lifecycle, startAll } from '../kit/lifecycle.js';
import { createLogger, type Logger } from '../kit/logger.js';
import { StartupError } from '../kit/startup-error.js';
import { readTlsFiles } from '../kit/tls-files.js';
import type { EnsureAccount } from './accounts/ensure-account.js';
import { composeAccounts } from './compose-accounts.js';
import { composeKeys } from './compose-keys.js';
import { composeOAuth } from './compose-oauth.js';
import { composeRevocations } from './compose-revocations.js';
import { auditRoutes } from './http/admin/audit-routes.js';
import { revocationRoutes } from './http/admin/revocation-routes.js';
import { addAdminRoutes } from './http/admin-routes.js';
import { addApiKeyExchangeRoute } from './http/api-key-exchange-route.js';
import { createServer } from './http/create-server.js';
import type { HttpServer } from './http/http-server.js';
import { addInternalRoutes } from './http/internal-routes.js';
import { listen } from './http/listen.js';
import { addOAuthRoutes } from './http/oauth-routes.js';
import { routesFor } from './http/peer.js';
import { addPublicRoutes } from './http/public-routes.js';
import { createEnvelope } from './keys/envelope.js';
import type { AuthConfig } from './options.js';
import { createInProcessFeed } from './revocation/in-process-feed.js';
import { createRevokeAsOperator } from './revocation/revoke-as-operator.js';
import { keepCleanedUp } from './stores/clean-up.js';
import { openDatabase } from './stores/database.js';
import { databaseErrorText } from './stores/database-errors.js';
import { migrate } from './stores/migrations.js';
import { createIssueAccessToken, createVerifyOwnToken, type SignJwt } from './tokens/access-token.js';
import { createEndAllSessions } from './tokens/end-all-sessions.js';
import { createEndOwnSession } from './tokens/end-own-session.js';
import { createEndSession } from './tokens/end-session.js';
import { createIdentifySession } from './tokens/identify-session.js';
import { createListSessions } from './tokens/list-sessions.js';
import { createRefreshSession } from './tokens/refresh-session.js';
import { createRequireSession } from './tokens/require-session.js';
import { createStartSession } from './tokens/start-session.js';

export interface AuthServiceDeps {
  clock?: Clock;
  random?: (size: number) => Buffer;
  logger?: Logger;
}

export interface AuthService {
  /** `https://host:port` as bound. */
  publicUrl: string;
  internalUrl: string;
  /** The revocations, for a gateway in the same process. */
  revocations: RevocationFeed;
  /** Makes the account unless its address is taken; an existing one stays as it is, password included. */
  ensureAccount: EnsureAccount;
  /** Stops accepting, lets requests end, closes feeds and connections. */
  stop(): Promise<void>;
}

/** Starts the service, or throws StartupError with nothing left running. */
export function startAuthService(config: AuthConfig, deps: AuthServiceDeps = {}): Promise<AuthService> {
  return startAll(async (lifecycle) => {
    try {
      return await compose(config, deps, lifecycle);
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause;
      throw new StartupError(`cannot use the database: ${databaseErrorText(cause.cause)}`, { cause });
    }
  });
}

async function compose(
  config: AuthConfig,
  deps: AuthServiceDeps,
  lifecycle: Lifecycle,
): Promise<AuthService> {
  const { clock = systemClock, random = randomBytes } = deps;
  const logger = deps.logger ?? createLogger('auth-service', { level: config.logLevel });
  logWarnings(logger, config.warnings);
  const { issuer } = config;
  const nowS = (): number => Math.floor(clock.now() / 1000);

  const tls = readTlsFiles(config.tls);
  await migrate(config.databaseUrl);
  const database = openDatabase(config.databaseUrl, { clock, logger });
  lifecycle.onStop('database', () => database.close());

  const envelope = createEnvelope(config.encryptionKeys, random);
  const parts = { database, envelope, clock, random, logger, lifecycle };
  const { tail, awaitPublished } = await composeRevocations(config, parts);
  const signing = await composeKeys(config, { ...parts, tail, awaitPublished });
  const { keys } = signing;
  const accounts = await composeAccounts(config, { database, clock, random, awaitPublished });
  const { idleMs } = config.sessions;
  const { auditRetentionMs } = config;
  lifecycle.onStop('clean-up', keepCleanedUp({ database, clock, logger, idleMs, auditRetentionMs }));

  const publicServer = createServer({ tls, logger, peers: [GATEWAY_SPIFFE_ID] });
  const sign = await registerJwt(publicServer);
  const { audience, accessTtlMs } = config.tokens;
  const issueAccessToken = createIssueAccessToken({ issuer, audience, keys, sign, random, nowS });
  const verifyOwnToken = createVerifyOwnToken({ issuer, keys: keys.ring });
  const endSession = createEndSession({ database, clock, issuer, awaitPublished });
  const sessionParts = {
    database,
    envelope,
    clock,
    random,
    logger,
    issueAccessToken,
    accessTtlMs,
    settings: config.sessions,
  };
  const refreshSession = createRefreshSession({ ...sessionParts, endSession });
  const oauthParts = { ...sessionParts, awaitPublished, verifyOwnToken, refreshSession, endSession };
  const oauth = composeOAuth(config, oauthParts);
  await addPublicRoutes(publicServer, {
    ...accounts.routes,
    startSession: createStartSession(sessionParts),
    refreshSession,
    loginTerms: oauth.loginTerms,
    proveKey: oauth.proveKey,
    identifySession: createIdentifySession({ database, envelope, verifyOwnToken }),
    requireSession: createRequireSession({ database, verifyOwnToken, nowS }),
    listSessions: createListSessions(sessionParts),
    endOwnSession: createEndOwnSession({ database, endSession }),
    endSession,
    endAllSessions: createEndAllSessions({ database, clock, issuer, awaitPublished }),
    jwks: { keys, maxAgeMs: config.keys.jwksMaxAgeMs },
    allowedOrigins: config.allowedOrigins,
  });
  addOAuthRoutes(publicServer, oauth.routes);

  const peers = [GATEWAY_SPIFFE_ID, OPERATOR_SPIFFE_ID];
  const internalServer = createServer({ tls, logger, peers });
  const stopping = new AbortController();
  routesFor(internalServer, { peer: GATEWAY_SPIFFE_ID }, (gateway) => {
    addInternalRoutes(gateway, { tail, clock, stopping: stopping.signal });
    addApiKeyExchangeRoute(gateway, oauth.exchangeApiKey);
  });
  const changeKeys = signing.changes;
  const revoking = { database, clock, issuer, awaitPublished, verifyOwnToken, changeKeys };
  addAdminRoutes(internalServer, [
    accounts.adminRoutes,
    signing.adminRoutes,
    revocationRoutes(createRevokeAsOperator(revoking)),
    auditRoutes(database),
    ...oauth.adminRoutes,
  ]);

  const internalUrl = await listen(internalServer, config.internal, {
    clock,
    lifecycle,
    name: 'internal listener',
  });
  lifecycle.onStop('revocation feeds', () => stopping.abort());
  const publicUrl = await listen(publicServer, config.listen, { clock, lifecycle, name: 'public listener' });
  logger.info({ publicUrl, internalUrl, issuer }, 'auth service is ready');

  return {
    publicUrl,
    internalUrl,
    revocations: createInProcessFeed(tail),
    ensureAccount: accounts.ensureAccount,
    stop: () => lifecycle.stop(),
  };
}

/**
 * @fastify/jwt signs; which key, is said with each call, because keys rotate while the service runs. The plugin's own
 * secret is never used, and its verification is not either.
 */
async function registerJwt(app: HttpServer): Promise<SignJwt> {
  const unused = (): never => {
    throw new Error('a key has to be given with each call');
  };
  await app.register(fastifyJwt, { secret: { private: unused, public: unused } as never });
  return (claims, { kid, algorithm, privateKeyPem }) =>
    app.jwt.sign(claims, {
      key: privateKeyPem,
      algorithm,
      header: { alg: algorithm, typ: ACCESS_TOKEN_TYPE, kid },
    });
}
