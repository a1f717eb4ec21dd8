import { type Kysely, sql } from 'kysely';

export async function accountsSessionsKeysRevocations(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE users (
      id uuid PRIMARY KEY,
      email text NOT NULL UNIQUE,
      password_hash text NOT NULL,
      status text NOT NULL CHECK (status IN ('active', 'disabled')),
      roles text[] NOT NULL,
      scopes text[] NOT NULL,
      token_version integer NOT NULL DEFAULT 1,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL
    )`.execute(db);
  await sql`
    CREATE TABLE refresh_families (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      client_id text NOT NULL,
      token_version integer NOT NULL,
      generation integer NOT NULL DEFAULT 0,
      secret_box bytea NOT NULL,
      secret_kek_version smallint NOT NULL,
      created_at timestamptz NOT NULL,
      last_used_at timestamptz NOT NULL,
      rotated_at timestamptz,
      access_expires_s bigint NOT NULL,
      revoked_at timestamptz,
      revoked_reason text
    )`.execute(db);
  await sql`CREATE INDEX refresh_families_user ON refresh_families (user_id)`.execute(db);
  await sql`CREATE INDEX refresh_families_last_used ON refresh_families (last_used_at)`.execute(db);
  await sql`
    CREATE TABLE signing_keys (
      kid text PRIMARY KEY,
      algorithm text NOT NULL,
      state text NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'gone')),
      public_jwk jsonb NOT NULL,
      private_key_box bytea,
      private_key_kek_version smallint,
      created_at timestamptz NOT NULL,
      activated_at timestamptz,
      retiring_at timestamptz,
      gone_at timestamptz
    )`.execute(db);
  // The database itself refuses a second active key, whatever the code does.
  await sql`CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (state) WHERE state = 'active'`.execute(
    db,
  );
  await sql`
    CREATE TABLE revocations (
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      kind text NOT NULL,
      target text NOT NULL,
      entry text NOT NULL,
      expires_s bigint NOT NULL,
      published boolean NOT NULL DEFAULT false,
      created_at timestamptz NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX revocations_target ON revocations (target, kind)`.execute(db);
  await sql`CREATE INDEX revocations_expiry ON revocations (expires_s)`.execute(db);
  await sql`CREATE INDEX revocations_unpublished ON revocations (seq) WHERE NOT published`.execute(db);
  await sql`
    CREATE TABLE revocation_publication (
      id smallint PRIMARY KEY CHECK (id = 1),
      epoch text NOT NULL,
      run_id text NOT NULL,
      number bigint NOT NULL
    )`.execute(db);
  await sql`INSERT INTO revocation_publication VALUES (1, '', '', 0)`.execute(db);
  await sql`
    CREATE TABLE audit_log (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      at timestamptz NOT NULL,
      action text NOT NULL,
      subject text,
      session_id text,
      request_id text,
      ip text,
      user_agent text,
      detail jsonb NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX audit_log_subject ON audit_log (subject, at)`.execute(db);
}
