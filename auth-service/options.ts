import { resolve } from 'node:path';
import { type Static, Type } from 'typebox';
import {
  ConfigError,
  type ConfigFile,
  type ConfigPath,
  type ConfigProblem,
  type Env,
  firstOfEachPlace,
  inOrderOfPlaces,
  inspectConfigFile,
  isWarning,
} from '../kit/config-file.js';
import { StartupError } from '../kit/startup-error.js';
import type { TlsFiles } from '../kit/tls-files.js';
import { DURATION_PATTERN, durationMs } from '../kit/units.js';
import { type AccountSettings, AccountsSection, accountSettings } from './accounts/account-settings.js';
import { type EncryptionKey, readEncryptionKey } from './keys/encryption-key.js';
import {
  DEFAULT_JWKS_MAX_AGE,
  DEFAULT_ROTATE_EVERY,
  type KeyConfig,
  MIN_JWKS_MAX_AGE_MS,
} from './keys/key-settings.js';
import { SIGNING_ALGORITHMS } from './keys/signing-key.js';

export interface ListenAddress {
  host: string;
  /** 0 takes a free port. */
  port: number;
}

export interface RedisConfig {
  url: string;
  /** About how many entries the stream keeps. */
  streamMaxEntries: number;
}

export interface TokenConfig {
  accessTtlMs: number;
  audience: string;
}

/** Lifetimes of a refresh family (design 4.6). */
export interface SessionConfig {
  idleMs: number;
  absoluteMs: number;
  /** 0 to 60 s, from the first rotation. */
  graceMs: number;
  /** 0 turns it off. */
  lostResponseMs: number;
  /** Of one session. An hour's worth may be used at once. */
  refreshesPerHour: number;
}

/** What `config/auth.yaml` says, checked, with units resolved and secrets read. */
export interface AuthConfig {
  /** `iss`, without a trailing slash. */
  issuer: string;
  listen: ListenAddress;
  internal: ListenAddress;
  tls: TlsFiles;
  databaseUrl: string;
  redis: RedisConfig | undefined;
  /** The first one encrypts; all decrypt. */
  encryptionKeys: readonly EncryptionKey[];
  keys: KeyConfig;
  tokens: TokenConfig;
  sessions: SessionConfig;
  accounts: AccountSettings;
  /** Origins whose pages may use the refresh cookie. */
  allowedOrigins: readonly string[];
  auditRetentionMs: number;
  logLevel: string;
  /** What reading it found and let pass. */
  warnings: readonly ConfigProblem[];
}

const strict = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1 });
const Secret = Type.String({ minLength: 1, writeOnly: true });
const Duration = Type.String({ pattern: DURATION_PATTERN });
const Address = Type.Object({ host: Text, port: Type.Integer({ minimum: 0, maximum: 65_535 }) }, strict);

const AuthFile = Type.Object(
  {
    public_url: Text,
    listen: Address,
    internal: Address,
    tls: Type.Object({ dir: Text, ca: Text, cert: Text, key: Text }, strict),
    database: Type.Object({ url: Secret }, strict),
    redis: Type.Optional(
      Type.Object(
        {
          url: Type.String({ writeOnly: true }),
          stream_max_entries: Type.Optional(Type.Integer({ minimum: 1 })),
        },
        strict,
      ),
    ),
    keys: Type.Object(
      {
        encryption_keys: Type.Array(
          Type.Object({ version: Type.Integer({ minimum: 1, maximum: 32_767 }), key: Secret }, strict),
          { minItems: 1 },
        ),
        algorithm: Type.Optional(Type.Enum([...SIGNING_ALGORITHMS])),
        rotate_every: Type.Optional(Duration),
        jwks_max_age: Type.Optional(Duration),
      },
      strict,
    ),
    tokens: Type.Object({ access_ttl: Duration, audience: Text }, strict),
    sessions: Type.Object(
      {
        idle: Duration,
        absolute: Duration,
        grace: Duration,
        lost_response: Duration,
        refreshes_per_hour: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
      },
      strict,
    ),
    accounts: Type.Optional(AccountsSection),
    cookies: Type.Object({ allowed_origins: Type.Array(Text) }, strict),
    audit: Type.Optional(Type.Object({ retention: Duration }, strict)),
    log: Type.Object(
      { level: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']) },
      strict,
    ),
  },
  strict,
);

const DEFAULT_STREAM_MAX_ENTRIES = 10_000;
const DEFAULT_AUDIT_RETENTION = '365d';
const DEFAULT_REFRESHES_PER_HOUR = 1800;
const HOUR_MS = 3_600_000;
/** Keys stay published for the 30 days of their longest tokens, and a gateway takes a set of 32 at most (design 4.5). */
const MIN_ROTATE_EVERY_MS = 48 * HOUR_MS;
const MAX_GRACE_MS = 60_000;

/**
 * Reads and checks `config/auth.yaml`. Relative paths are relative to the working directory of the process.
 * Throws ConfigError with every problem found, or StartupError for a file that cannot be read.
 */
export function loadAuthConfig(configPath: string, env: Env): AuthConfig {
  const { config: file, problems: found } = inspectConfigFile(configPath, AuthFile, env);
  if (file === undefined) throw new ConfigError(found);
  const { value } = file;
  const problems = new Problems(file, found);
  const config: AuthConfig = {
    issuer: value.public_url,
    listen: value.listen,
    internal: value.internal,
    tls: {
      ca: resolve(value.tls.dir, value.tls.ca),
      cert: resolve(value.tls.dir, value.tls.cert),
      key: resolve(value.tls.dir, value.tls.key),
    },
    databaseUrl: value.database.url,
    redis: redisConfig(value.redis),
    encryptionKeys: encryptionKeys(value, problems),
    keys: keyConfig(value.keys),
    tokens: { accessTtlMs: durationMs(value.tokens.access_ttl), audience: value.tokens.audience },
    sessions: {
      idleMs: durationMs(value.sessions.idle),
      absoluteMs: durationMs(value.sessions.absolute),
      graceMs: durationMs(value.sessions.grace),
      lostResponseMs: durationMs(value.sessions.lost_response),
      refreshesPerHour: value.sessions.refreshes_per_hour ?? DEFAULT_REFRESHES_PER_HOUR,
    },
    accounts: accountSettings(value.accounts, (path, message) => problems.add(path, message)),
    allowedOrigins: value.cookies.allowed_origins,
    auditRetentionMs: durationMs(value.audit?.retention ?? DEFAULT_AUDIT_RETENTION),
    logLevel: value.log.level,
    warnings: found.filter(isWarning),
  };
  checkUrls(config, problems);
  checkLifetimes(config, problems);
  problems.throwIfAny();
  return config;
}

class Problems {
  readonly #file: ConfigFile<unknown>;
  readonly #found: ConfigProblem[];

  constructor(file: ConfigFile<unknown>, found: readonly ConfigProblem[]) {
    this.#file = file;
    this.#found = found.filter((problem) => !isWarning(problem));
  }

  add(path: ConfigPath, message: string): void {
    this.#found.push(this.#file.problem(path, 'config_value', `${path.join('.')} ${message}`));
  }

  throwIfAny(): void {
    if (this.#found.length > 0) throw new ConfigError(inOrderOfPlaces(firstOfEachPlace(this.#found)));
  }
}

function redisConfig(redis: Static<typeof AuthFile>['redis']): RedisConfig | undefined {
  if (redis === undefined || redis.url === '') return undefined;
  return { url: redis.url, streamMaxEntries: redis.stream_max_entries ?? DEFAULT_STREAM_MAX_ENTRIES };
}

function keyConfig(keys: Static<typeof AuthFile>['keys']): KeyConfig {
  return {
    algorithm: keys.algorithm ?? 'ES256',
    rotateEveryMs: durationMs(keys.rotate_every ?? DEFAULT_ROTATE_EVERY),
    jwksMaxAgeMs: durationMs(keys.jwks_max_age ?? DEFAULT_JWKS_MAX_AGE),
  };
}

function encryptionKeys(value: Static<typeof AuthFile>, problems: Problems): EncryptionKey[] {
  const keys: EncryptionKey[] = [];
  const versions = new Set<number>();
  for (const [index, { version, key }] of value.keys.encryption_keys.entries()) {
    const path = ['keys', 'encryption_keys', index];
    if (versions.has(version)) problems.add(path, `repeats version ${version}`);
    versions.add(version);
    try {
      keys.push(readEncryptionKey(version, key));
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      problems.add([...path, 'key'], error.message);
    }
  }
  return keys;
}

function checkUrls(config: AuthConfig, problems: Problems): void {
  const publicUrl = URL.canParse(config.issuer) ? new URL(config.issuer) : undefined;
  const isIssuer =
    publicUrl !== undefined && /^https?:$/.test(publicUrl.protocol) && !/[?#]|\/$/.test(config.issuer);
  if (!isIssuer)
    problems.add(['public_url'], 'must be an http(s) URL without query, fragment or trailing slash');
  for (const [index, origin] of config.allowedOrigins.entries()) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    problems.add(['cookies', 'allowed_origins', index], 'must be an origin such as https://app.example.com');
  }
  if (!isUrlOf(config.databaseUrl, ['postgres:', 'postgresql:'])) {
    problems.add(['database', 'url'], 'must be a postgres:// URL');
  }
  if (config.redis !== undefined && !isUrlOf(config.redis.url, ['redis:', 'rediss:'])) {
    problems.add(['redis', 'url'], 'must be a redis:// or rediss:// URL, or empty');
  }
}

const isUrlOf = (url: string, protocols: string[]): boolean =>
  URL.canParse(url) && protocols.includes(new URL(url).protocol);

function checkLifetimes({ keys, tokens, sessions, auditRetentionMs }: AuthConfig, problems: Problems): void {
  if (tokens.accessTtlMs < 1000 || tokens.accessTtlMs > 24 * HOUR_MS) {
    problems.add(['tokens', 'access_ttl'], 'must be from 1s to 24h');
  }
  if (keys.rotateEveryMs < MIN_ROTATE_EVERY_MS) problems.add(['keys', 'rotate_every'], 'must be at least 2d');
  if (keys.jwksMaxAgeMs < MIN_JWKS_MAX_AGE_MS || keys.jwksMaxAgeMs > HOUR_MS / 2) {
    problems.add(['keys', 'jwks_max_age'], 'must be from 1m to 30m');
  }
  if (sessions.idleMs < 1000) problems.add(['sessions', 'idle'], 'must be at least 1s');
  if (sessions.absoluteMs < sessions.idleMs) {
    problems.add(['sessions', 'absolute'], 'must not be shorter than sessions.idle');
  }
  if (auditRetentionMs < 24 * HOUR_MS) problems.add(['audit', 'retention'], 'must be at least 1d');
  if (sessions.graceMs > MAX_GRACE_MS) problems.add(['sessions', 'grace'], 'must be from 0s to 60s');
  if (sessions.lostResponseMs > HOUR_MS) problems.add(['sessions', 'lost_response'], 'must be from 0s to 1h');
}
