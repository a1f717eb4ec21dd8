/** Revocation entries and the three feeds that carry them (design 4.4). */

/**
 * What is revoked, always of one issuer. `exp` (unix seconds) is when the entry may be forgotten: the longest expiry
 * of any token it covers, plus two minutes.
 */
export type RevocationEntry =
  | { kind: 'token'; iss: string; jti: string; exp: number }
  | { kind: 'session'; iss: string; sid: string; exp: number }
  /** Tokens of the subject whose `ver` is below this one. Our own issuer only. */
  | { kind: 'subject'; iss: string; sub: string; ver: number; exp: number }
  | { kind: 'key'; iss: string; kid: string; exp: number }
  /** Tokens issued before `before` (unix seconds), of the whole issuer or narrowed to a client or a subject. */
  | { kind: 'not-before'; iss: string; before: number; client?: string; sub?: string; exp: number };

/** How long an entry outlives the last token it covers, in seconds: clock skew and then some. */
export const REVOCATION_MARGIN_S = 120;

/** Receives what a feed says. */
export interface RevocationSink {
  /**
   * Adds entries. They are never taken back: what a gateway holds it does not forget before its expiry. `publishedAtMs`
   * (unix milliseconds by the source's clock) where the source knows when it got them.
   */
  merge(entries: readonly RevocationEntry[], publishedAtMs?: number): void;
  /** The source's whole list has been merged; from here on changes follow. */
  synced(): void;
  /** The source answered just now, so the copy is current as of now. */
  answered(): void;
}

/** A source of revocations: the auth service in the same process, its internal listener, or Redis. */
export interface RevocationFeed {
  /**
   * Delivers the whole list and then each change, until `signal` aborts (resolves) or the source is lost (rejects).
   * Answers at least once a second while the source is well. The caller reconnects.
   */
  follow(sink: RevocationSink, signal: AbortSignal): Promise<void>;
}

/**
 * The feed over HTTP: `GET /internal/revocations` answers `application/x-ndjson`, one message a line. The whole list
 * in batches, then `synced`, then entries as they commit, and a `ping` each second.
 */
export type RevocationMessage = { entries: RevocationEntry[] } | { synced: true } | { ping: true };

/**
 * The feed in Redis. One hash tag keeps the keys in one cluster slot.
 * - `set`: sorted set, member = {@link encodeRevocation}, score = `exp`
 * - `stream`: fields `n` (number), `e` (epoch), `d` (entry)
 * - `meta`: hash with `epoch`, `number` (last one given out) and `seeded`: once the whole list is in, the
 *   {@link redisHistoryId} of the Redis that was given it. One with another id may lack what was added last: it was
 *   started from an old snapshot, or is a replica that took over
 * - `at` + {@link revocationPlace}: the entry in force for one token, session, … as a key that expires with it, for
 *   gateways in `mode: lookup`
 */
export const REVOCATION_REDIS = {
  set: '{gatehouse:revocations}:set',
  stream: '{gatehouse:revocations}:stream',
  meta: '{gatehouse:revocations}:meta',
  at: '{gatehouse:revocations}:at:',
} as const;

/**
 * Names the history of a Redis, from what it says to `INFO replication`: another one after each start and each change
 * of master (`run_id` stays the same where a master becomes a replica and its data another's). Empty when it says none.
 */
export function redisHistoryId(info: string): string {
  return /^master_replid:(\S+)/m.exec(info)?.[1] ?? '';
}

/** One fixed spelling for an entry, so that the same entry is the same member of the sorted set. */
export function encodeRevocation(entry: RevocationEntry): string {
  return JSON.stringify(entry, Object.keys(entry).sort());
}

/** The entry, or undefined when the text is none. Extra members are dropped. */
export function decodeRevocation(text: string): RevocationEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return asRevocation(value);
}

/** Entries of one place replace each other; a look-up asks at the places that could concern a token. */
export function revocationPlace(entry: RevocationPlace): string {
  switch (entry.kind) {
    case 'token':
      return JSON.stringify([entry.kind, entry.iss, entry.jti]);
    case 'session':
      return JSON.stringify([entry.kind, entry.iss, entry.sid]);
    case 'subject':
      return JSON.stringify([entry.kind, entry.iss, entry.sub]);
    case 'key':
      return JSON.stringify([entry.kind, entry.iss, entry.kid]);
    case 'not-before':
      return JSON.stringify([entry.kind, entry.iss, entry.client ?? null, entry.sub ?? null]);
  }
}

/** An entry without what differs between entries of one place. */
export type RevocationPlace = RevocationEntry extends infer Entry
  ? Entry extends RevocationEntry
    ? Omit<Entry, 'exp' | 'ver' | 'before'>
    : never
  : never;

/** Checks a value from the wire. */
export function asRevocation(value: unknown): RevocationEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, iss, exp, jti, sid, sub, ver, kid, before, client } = value as Record<string, unknown>;
  if (!isText(iss) || !isSeconds(exp)) return undefined;
  switch (kind) {
    case 'token':
      return isText(jti) ? { kind, iss, jti, exp } : undefined;
    case 'session':
      return isText(sid) ? { kind, iss, sid, exp } : undefined;
    case 'subject':
      return isText(sub) && isSeconds(ver) ? { kind, iss, sub, ver, exp } : undefined;
    case 'key':
      return isText(kid) ? { kind, iss, kid, exp } : undefined;
    case 'not-before':
      if (!isSeconds(before) || !isOptionalText(client) || !isOptionalText(sub)) return undefined;
      return {
        kind,
        iss,
        before,
        exp,
        ...(client === undefined ? {} : { client }),
        ...(sub === undefined ? {} : { sub }),
      };
    default:
      return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isOptionalText = (value: unknown): value is string | undefined => value === undefined || isText(value);
const isSeconds = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
