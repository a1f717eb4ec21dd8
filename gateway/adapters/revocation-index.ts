import type { RevocationEntry } from '../../contracts/revocation.js';
import type { VerifiedToken } from '../pipeline/states.js';
import { NotBeforeIndex } from './not-before-index.js';

/** What one issuer has revoked. Each value keeps the entry, whose `exp` says when it may go. */
interface IssuerEntries {
  tokens: Map<string, RevocationEntry>;
  sessions: Map<string, RevocationEntry>;
  subjects: Map<string, Extract<RevocationEntry, { kind: 'subject' }>>;
  keys: Map<string, RevocationEntry>;
  notBefore: NotBeforeIndex;
}

/** All revocations in memory: a look-up costs a few Map reads, however many entries there are. */
export class RevocationIndex {
  readonly #issuers = new Map<string, IssuerEntries>();
  #sweep: Generator | undefined;
  #sweepS = 0;

  merge(entry: RevocationEntry): void {
    const entries = this.#entriesOf(entry.iss);
    switch (entry.kind) {
      case 'token':
        keepLonger(entries.tokens, entry.jti, entry);
        break;
      case 'session':
        keepLonger(entries.sessions, entry.sid, entry);
        break;
      case 'key':
        keepLonger(entries.keys, entry.kid, entry);
        break;
      case 'subject': {
        const held = entries.subjects.get(entry.sub);
        const ver = Math.max(entry.ver, held?.ver ?? 0);
        const exp = Math.max(entry.exp, held?.exp ?? 0);
        entries.subjects.set(entry.sub, { ...entry, ver, exp });
        break;
      }
      case 'not-before':
        entries.notBefore.merge(entry);
    }
  }

  find(token: VerifiedToken): RevocationEntry | undefined {
    const entries = this.#issuers.get(token.issuer);
    if (entries === undefined) return undefined;
    return (
      (token.tokenId === undefined ? undefined : entries.tokens.get(token.tokenId)) ??
      (token.session === undefined ? undefined : entries.sessions.get(token.session)) ??
      entries.keys.get(token.keyId) ??
      revokedByVersion(token, entries) ??
      entries.notBefore.find(token)
    );
  }

  /**
   * Forgets what has outlived every token that it covers. Looks at up to `limit` entries, and goes on from there the next
   * time: with a million of them, all at once would hold up every request for a tenth of a second.
   */
  sweep(nowMs: number, limit = Number.POSITIVE_INFINITY): void {
    this.#sweepS = nowMs / 1000;
    this.#sweep ??= this.#lookAtEach();
    for (let looked = 0; looked < limit && this.#sweep !== undefined; looked++) {
      if (this.#sweep.next().done === true) this.#sweep = undefined;
    }
  }

  /** One step is one entry. A Map can be changed while it is walked. */
  *#lookAtEach(): Generator {
    for (const entries of this.#issuers.values()) {
      for (const map of mapsOf(entries)) {
        for (const [key, entry] of map) {
          if (entry.exp <= this.#sweepS) map.delete(key);
          yield;
        }
      }
      // An operator writes these by hand, so there are few.
      entries.notBefore.sweep(this.#sweepS);
    }
  }

  get size(): number {
    let size = 0;
    for (const entries of this.#issuers.values()) {
      for (const map of mapsOf(entries)) size += map.size;
      size += entries.notBefore.size;
    }
    return size;
  }

  #entriesOf(issuer: string): IssuerEntries {
    let entries = this.#issuers.get(issuer);
    if (entries === undefined) {
      entries = {
        tokens: new Map(),
        sessions: new Map(),
        subjects: new Map(),
        keys: new Map(),
        notBefore: new NotBeforeIndex(),
      };
      this.#issuers.set(issuer, entries);
    }
    return entries;
  }
}

const mapsOf = ({ tokens, sessions, subjects, keys }: IssuerEntries): Map<string, RevocationEntry>[] => [
  tokens,
  sessions,
  subjects,
  keys,
];

/** `ver` is read from our own issuer's tokens only; others have none and are not touched by a subject entry. */
function revokedByVersion(token: VerifiedToken, { subjects }: IssuerEntries): RevocationEntry | undefined {
  if (token.version === undefined || subjects.size === 0) return undefined;
  const entry = subjects.get(token.subject);
  return entry !== undefined && token.version < entry.ver ? entry : undefined;
}

function keepLonger(map: Map<string, RevocationEntry>, key: string, entry: RevocationEntry): void {
  const held = map.get(key);
  if (held === undefined || held.exp < entry.exp) map.set(key, entry);
}
