/** The tables as TypeScript sees them. Created by migrations.ts. */
import type { JWK } from 'jose';
import type { ColumnType, Generated } from 'kysely';
import type { SigningKeyState } from '../keys/signing-key.js';
import type { ClientAuthMethod, ClientGrant } from '../oauth/client.js';
import type { EndReason } from '../tokens/family.js';

export interface UsersTable {
  /** `sub`: opaque, never the address, never reused. */
  id: string;
  /** Normalised (accounts/normalise-email.ts). */
  email: string;
  /** PHC string. */
  password_hash: string;
  /** Raised by each new password, not by another hash of the same one. */
  password_version: Generated<number>;
  status: 'active' | 'disabled';
  roles: string[];
  scopes: string[];
  /** `ver` of the account's tokens; raised by "log out everywhere" and by new roles or scopes. */
  token_version: Generated<number>;
  created_at: Date;
  updated_at: Date;
}

/** One row per session; a refresh changes the row and never adds one (design 4.6). */
export interface RefreshFamiliesTable {
  /** `sid`. */
  id: string;
  user_id: string;
  client_id: string;
  /** The account's token version as long as the session is not ended by "log out everywhere". */
  token_version: number;
  /** Of the one refresh token that is next. */
  generation: Generated<number>;
  /** The family's MAC secret, sealed (keys/envelope.ts). */
  secret_box: Buffer;
  secret_kek_version: number;
  created_at: Date;
  last_used_at: Date;
  /** When the current generation came to be: the first use of its parent. Null before the first refresh. */
  rotated_at: Date | null;
  /** Unix seconds: the latest `exp` of any access token issued under the family. */
  access_expires_s: number;
  /** Who used it last: at login, then at each rotation. */
  last_ip: string | null;
  last_user_agent: string | null;
  /** Refreshes are paid for up to here (tokens/limit-refreshes.ts). */
  refresh_credit_until: Date | null;
  /** Thumbprint of the key that its holder proves at each refresh; null for a session that is bound to none. */
  dpop_jkt: string | null;
  revoked_at: Date | null;
  revoked_reason: EndReason | 'logout-all' | null;
}

export interface SigningKeysTable {
  /** RFC 7638 thumbprint. */
  kid: string;
  algorithm: string;
  state: SigningKeyState;
  public_jwk: ColumnType<JWK, string, never>;
  /** PKCS#8 PEM, sealed (keys/envelope.ts). Null once the key signs no more. */
  private_key_box: Buffer | null;
  private_key_kek_version: number | null;
  created_at: Date;
  activated_at: Date | null;
  retiring_at: Date | null;
  gone_at: Date | null;
  /** Unix seconds: no token that it signed expires later. Raised before such a token is signed. */
  tokens_expire_s: Generated<number>;
}

export interface RevocationsTable {
  /** Grows in the order of commits (stores/revocations.ts). */
  seq: Generated<number>;
  kind: string;
  /** What is revoked: the jti, sid, sub or kid. */
  target: string;
  /** contracts/revocation.ts `encodeRevocation`. */
  entry: string;
  /** Unix seconds. */
  expires_s: number;
  /** Whether Redis has it, under the epoch of `revocation_publication`. */
  published: Generated<boolean>;
  created_at: Date;
}

/** One row: what Redis was last known to hold. Instances take turns by locking it. */
export interface RevocationPublicationTable {
  id: number;
  epoch: string;
  run_id: string;
  number: number;
}

/** Append-only: a trigger refuses every change but the retention's. */
export interface AuditLogTable {
  id: Generated<number>;
  at: Date;
  action: string;
  /** Who did it (stores/audit.ts). */
  actor: string;
  /** The account it happened to. */
  subject: string | null;
  session_id: string | null;
  request_id: string | null;
  ip: string | null;
  user_agent: string | null;
  detail: ColumnType<Record<string, unknown>, string, never>;
}

/** A one-time link to a new password; at most one an account. */
export interface PasswordResetsTable {
  user_id: string;
  /** SHA-256 of the token. */
  token_hash: Buffer;
  created_at: Date;
  expires_at: Date;
}

/** What slows down guessing (accounts/throttle.ts). */
export interface AttemptCountersTable {
  /** SHA-256 of what is counted: no address stands here in clear. */
  key: Buffer;
  /** Failures that are not forgiven yet, as of `counted_at`. */
  level: number;
  counted_at: Date;
  blocked_until: Date;
  /** When the level has leaked to nothing. */
  forget_at: Date;
}

/** A service (or server-side application) that authenticates itself. */
export interface OauthClientsTable {
  /** `client_id`. */
  id: string;
  /** `sub` is `svc:` and this. */
  service: string;
  auth_method: ClientAuthMethod;
  grants: ClientGrant[];
  scopes: string[];
  /** What it may ask for as `resource`; the first is what it gets unless it asks. */
  audiences: string[];
  /** Null: as long as everybody's. */
  token_ttl_s: number | null;
  requires_dpop: boolean;
  created_at: Date;
  disabled_at: Date | null;
}

/** A secret, public key or certificate name of a client; two may be live while one takes over from the other. */
export interface OauthCredentialsTable {
  /** `sid` of the tokens that it got. */
  id: string;
  client_id: string;
  /** SHA-256: the secrets are 256 random bits. */
  secret_hash: Buffer | null;
  public_jwk: ColumnType<JWK | null, string | null, never>;
  /** `URI:…` or `DNS:…`. */
  certificate_name: string | null;
  created_at: Date;
  expires_at: Date | null;
}

/** Client assertions that were used and have not expired yet. */
export interface UsedAssertionsTable {
  /** SHA-256 of client and `jti`. */
  id: Buffer;
  expires_at: Date;
}

export interface ApiKeysTable {
  /** `sid` of its tokens. */
  id: string;
  /** SHA-256: the secrets are 256 random bits. */
  secret_hash: Buffer;
  /** For people. */
  name: string;
  /** `sub` is `svc:` and this. */
  service: string;
  scopes: string[];
  created_at: Date;
  expires_at: Date | null;
  /** Coarse. */
  last_used_at: Date | null;
  revoked_at: Date | null;
  replaced_by: string | null;
}

export interface Tables {
  users: UsersTable;
  refresh_families: RefreshFamiliesTable;
  password_resets: PasswordResetsTable;
  attempt_counters: AttemptCountersTable;
  signing_keys: SigningKeysTable;
  revocations: RevocationsTable;
  revocation_publication: RevocationPublicationTable;
  audit_log: AuditLogTable;
  oauth_clients: OauthClientsTable;
  oauth_credentials: OauthCredentialsTable;
  used_assertions: UsedAssertionsTable;
  api_keys: ApiKeysTable;
}
