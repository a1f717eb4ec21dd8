import { type Kysely, sql } from 'kysely';

/** Services and machines: OAuth clients with their credentials, API keys, and what has been used once. */
export async function oauth(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE oauth_clients (
      id text PRIMARY KEY,
      service text NOT NULL,
      auth_method text NOT NULL CHECK (auth_method IN ('client_secret', 'private_key_jwt', 'tls_client_auth')),
      grants text[] NOT NULL,
      scopes text[] NOT NULL,
      audiences text[] NOT NULL,
      token_ttl_s integer,
      requires_dpop boolean NOT NULL,
      created_at timestamptz NOT NULL,
      disabled_at timestamptz
    )`.execute(db);
  // Exactly one of the three, as the client's method says; no client changes its method.
  await sql`
    CREATE TABLE oauth_credentials (
      id uuid PRIMARY KEY,
      client_id text NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
      secret_hash bytea,
      public_jwk jsonb,
      certificate_name text,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      CHECK (num_nonnulls(secret_hash, public_jwk, certificate_name) = 1)
    )`.execute(db);
  await sql`CREATE INDEX oauth_credentials_client ON oauth_credentials (client_id)`.execute(db);
  await sql`
    CREATE TABLE used_assertions (
      id bytea PRIMARY KEY,
      expires_at timestamptz NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX used_assertions_expiry ON used_assertions (expires_at)`.execute(db);
  await sql`
    CREATE TABLE api_keys (
      id text PRIMARY KEY,
      secret_hash bytea NOT NULL,
      name text NOT NULL,
      service text NOT NULL,
      scopes text[] NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked_at timestamptz,
      replaced_by text
    )`.execute(db);
  // The key that a session's holder has to prove at each refresh (RFC 9449 section 5).
  await sql`ALTER TABLE refresh_families ADD COLUMN dpop_jkt text`.execute(db);
}
