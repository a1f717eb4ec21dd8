import { type Kysely, sql } from 'kysely';

export async function keysAudit(db: Kysely<unknown>): Promise<void> {
  await extendSigningKeys(db);
  await sealAuditLog(db);
}

/** Until when anything that a key signed may be good, so that the key stays published exactly that long. */
async function extendSigningKeys(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE signing_keys ADD COLUMN tokens_expire_s bigint NOT NULL DEFAULT 0`.execute(db);
  // What was signed before this column came: access tokens lived for a day at the most.
  await sql`
    UPDATE signing_keys SET tokens_expire_s = extract(epoch FROM now())::bigint + 86400
    WHERE state IN ('active', 'retiring')`.execute(db);
  await sql`CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys (state) WHERE state = 'next'`.execute(
    db,
  );
}

/** Nothing changes a record, and only the retention's own function removes one. */
async function sealAuditLog(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE audit_log ADD COLUMN actor text`.execute(db);
  await sql`UPDATE audit_log SET actor = 'user:' || subject`.execute(db);
  await sql`ALTER TABLE audit_log ALTER COLUMN actor SET NOT NULL`.execute(db);
  await sql`CREATE INDEX audit_log_at ON audit_log (at)`.execute(db);
  await sql`
    CREATE FUNCTION audit_log_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' AND current_setting('gatehouse.audit_retention', true) = 'on' THEN
        RETURN NULL;
      END IF;
      RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
    END $$`.execute(db);
  await sql`
    CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse_change()`.execute(db);
  await sql`
    CREATE FUNCTION audit_log_remove_before(before timestamptz, batch integer) RETURNS integer
    LANGUAGE plpgsql SET gatehouse.audit_retention = 'on' AS $$
    DECLARE removed integer;
    BEGIN
      DELETE FROM audit_log WHERE id IN (
        SELECT id FROM audit_log WHERE at < before ORDER BY at LIMIT batch FOR UPDATE SKIP LOCKED
      );
      GET DIAGNOSTICS removed = ROW_COUNT;
      RETURN removed;
    END $$`.execute(db);
}
