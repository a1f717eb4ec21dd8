import { join, resolve } from 'node:path';
import { type AuthService, loadAuthConfig, startAuthService } from '../auth-service/index.js';
import {
  AUTH_SERVICE_SPIFFE_ID,
  GATEWAY_SPIFFE_ID,
  OPERATOR_SPIFFE_ID,
  spiffeId,
} from '../contracts/spiffe.js';
import { type Gateway, loadGatewayConfig, startGateway } from '../gateway/index.js';
import type { Env } from '../kit/config-file.js';
import { ensureDevPki } from '../kit/dev-pki.js';
import { type Lifecycle, startAll } from '../kit/lifecycle.js';
import { createLogger, type Logger } from '../kit/logger.js';
import { packageRoot } from '../kit/package-root.js';
import { loadStubsConfig, STUB_NAMES, startUpstreamStubs } from '../upstream-stubs/index.js';
import { lockDataFolder } from './data-folder.js';
import { DEMO_ACCOUNTS } from './demo-accounts.js';
import { ensureEncryptionKey } from './encryption-key.js';
import { writeInternalUrl } from './internal-url.js';
import { readPort } from './ports.js';
import { startEmbeddedPostgres } from './postgres.js';

export interface EmbeddedOptions {
  env: Env;
  /** Default: the package's own `config/`. */
  configDir?: string;
}

export interface Embedded {
  url: string;
  adminUrl: string;
  dataDir: string;
  configFile: string;
  /** The gateway reads its config again. What is wrong with it is logged, and the last good one stays. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 20_000;

/** Each part logs under the name that it has as a process of its own; from `warn` up, so that the banner stays in sight. */
type LoggerOf = (name: string) => Logger;

/** Who gets a certificate of the development CA. */
export const DEV_LEAVES = [
  { name: 'gateway', spiffeId: GATEWAY_SPIFFE_ID },
  { name: 'auth-service', spiffeId: AUTH_SERVICE_SPIFFE_ID },
  { name: 'operator', spiffeId: OPERATOR_SPIFFE_ID },
  ...STUB_NAMES.map((name) => ({ name, spiffeId: spiffeId(name) })),
];

/**
 * Everything in one process, with nothing installed beforehand (design 4.9): the same parts and the same config files
 * as the separate processes, joined by the environment that each file reads. All of it listens on loopback.
 */
export function startEmbedded({ env, configDir }: EmbeddedOptions): Promise<Embedded> {
  return startAll(async (lifecycle) => {
    const dataDir = resolve(env['GATEHOUSE_DATA'] || '.gatehouse');
    const config = (file: string): string => join(configDir ?? join(packageRoot(), 'config'), file);
    const loggerOf: LoggerOf = (name) => createLogger(name, { level: env['LOG_LEVEL'] || 'warn' });

    const lock = await lockDataFolder(dataDir);
    lifecycle.onStop('data folder', () => lock.release());
    const port = await readPort(env, 'PORT', 8080);
    const adminPort = await readPort(env, 'ADMIN_PORT', 9901);
    const pkiDir = join(dataDir, 'pki');
    await ensureDevPki({ dir: pkiDir, leaves: DEV_LEAVES });
    const shared: Env = {
      ...env,
      PKI_DIR: pkiDir,
      DATABASE_URL: env['DATABASE_URL'] || (await startPostgres(lifecycle, dataDir, loggerOf('postgres'))),
      PUBLIC_URL: env['PUBLIC_URL'] || `http://127.0.0.1:${port}`,
      AUTH_ENCRYPTION_KEY: `file:${await ensureEncryptionKey(join(dataDir, 'key-encryption-key'))}`,
    };

    const auth = await startAuth(lifecycle, config('auth.yaml'), shared, loggerOf);
    lifecycle.onStop('auth-internal-url', await writeInternalUrl(dataDir, auth.internalUrl));
    const stubs = await startStubs(lifecycle, config('upstream-stubs.yaml'), shared, loggerOf);
    const gateway = await startGatewayOn(
      lifecycle,
      config('gateway.yaml'),
      {
        ...shared,
        ...stubs,
        PORT: String(port),
        ADMIN_PORT: String(adminPort),
        SHUTDOWN_DELAY: '0s',
        DRAIN_TIMEOUT: '1s',
      },
      auth,
      loggerOf,
    );
    await gateway.whenReady(READY_TIMEOUT_MS);
    return {
      url: gateway.url,
      adminUrl: gateway.adminUrl,
      dataDir,
      configFile: config('gateway.yaml'),
      reload: async () => void (await gateway.reload('signal')),
      stop: () => lifecycle.stop(),
    };
  });
}

async function startPostgres(lifecycle: Lifecycle, dataDir: string, logger: Logger): Promise<string> {
  const postgres = await startEmbeddedPostgres({
    dataDir,
    log: (line) => logger.debug({ line }, 'postgres'),
  });
  lifecycle.onStop('PostgreSQL', () => postgres.stop());
  return postgres.url;
}

async function startAuth(
  lifecycle: Lifecycle,
  file: string,
  env: Env,
  loggerOf: LoggerOf,
): Promise<AuthService> {
  const ports = { AUTH_PORT: '0', AUTH_INTERNAL_PORT: '0' };
  const auth = await startAuthService(loadAuthConfig(file, { ...env, ...ports }), {
    logger: loggerOf('auth-service'),
  });
  lifecycle.onStop('auth service', () => auth.stop());
  for (const account of DEMO_ACCOUNTS) await auth.ensureAccount(account);
  return auth;
}

/** Returns the environment that tells the gateway where the stubs are. */
async function startStubs(lifecycle: Lifecycle, file: string, env: Env, loggerOf: LoggerOf): Promise<Env> {
  const ports = Object.fromEntries(STUB_NAMES.map((name) => [`${name.toUpperCase()}_PORT`, '0']));
  const stubs = await startUpstreamStubs(loadStubsConfig(file, { ...env, ...ports }), {
    logger: loggerOf('upstream-stubs'),
  });
  lifecycle.onStop('upstream stubs', () => stubs.stop());
  return Object.fromEntries(STUB_NAMES.map((name) => [`${name.toUpperCase()}_URL`, stubs.urls[name]]));
}

/** With Redis in the environment the gateway follows Redis, as it would on a machine of its own. */
async function startGatewayOn(
  lifecycle: Lifecycle,
  file: string,
  env: Env,
  auth: AuthService,
  loggerOf: LoggerOf,
): Promise<Gateway> {
  const urls = { AUTH_URL: auth.publicUrl, AUTH_INTERNAL_URL: auth.internalUrl };
  const gateway = await startGateway(loadGatewayConfig(file, { ...env, ...urls }), {
    logger: loggerOf('gateway'),
    ...(env['REDIS_URL'] ? {} : { feed: auth.revocations }),
  });
  lifecycle.onStop('gateway', () => gateway.stop());
  return gateway;
}
