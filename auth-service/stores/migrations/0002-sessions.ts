import { type Kysely, sql } from 'kysely';

/** Where sessions began and were last used, one-time links, and what slows guessing down. */
export async function sessions(db: Kysely<unknown>): Promise<void> {
  await sql`
    ALTER TABLE refresh_families
      ADD COLUMN last_ip text,
      ADD COLUMN last_user_agent text,
      ADD COLUMN refresh_credit_until timestamptz`.execute(db);
  // Tells a new password from the old one hashed anew.
  await sql`ALTER TABLE users ADD COLUMN password_version integer NOT NULL DEFAULT 1`.execute(db);
  // One link an account: a new one takes the place of the old.
  await sql`
    CREATE TABLE password_resets (
      user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
      token_hash bytea NOT NULL UNIQUE,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX password_resets_expiry ON password_resets (expires_at)`.execute(db);
  await sql`
    CREATE TABLE attempt_counters (
      key bytea PRIMARY KEY,
      level double precision NOT NULL,
      counted_at timestamptz NOT NULL,
      blocked_until timestamptz NOT NULL,
      forget_at timestamptz NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX attempt_counters_forget ON attempt_counters (forget_at)`.execute(db);
}
