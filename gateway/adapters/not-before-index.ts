import type { RevocationEntry } from '../../contracts/revocation.js';
import type { VerifiedToken } from '../pipeline/states.js';

type NotBefore = Extract<RevocationEntry, { kind: 'not-before' }>;

/**
 * One issuer's entries of the kind "all that was issued before", by client and subject: undefined where an entry names
 * none. A look-up costs four Map reads at the most, since an operator may well end many subjects one by one.
 */
export class NotBeforeIndex {
  readonly #byClient = new Map<string | undefined, Map<string | undefined, NotBefore>>();

  /** Of two entries of one scope what holds is the later time, for the longer. */
  merge(entry: NotBefore): void {
    let bySubject = this.#byClient.get(entry.client);
    if (bySubject === undefined) {
      bySubject = new Map();
      this.#byClient.set(entry.client, bySubject);
    }
    const held = bySubject.get(entry.sub);
    const before = Math.max(entry.before, held?.before ?? 0);
    const exp = Math.max(entry.exp, held?.exp ?? 0);
    bySubject.set(entry.sub, { ...entry, before, exp });
  }

  /** A token without `iat` cannot show that it is newer, so it counts as older. */
  find({ client, subject, issuedAt = 0 }: VerifiedToken): NotBefore | undefined {
    if (this.#byClient.size === 0) return undefined;
    return (
      olderThan(this.#byClient.get(undefined), subject, issuedAt) ??
      (client === undefined ? undefined : olderThan(this.#byClient.get(client), subject, issuedAt))
    );
  }

  sweep(nowS: number): void {
    for (const [client, bySubject] of this.#byClient) {
      for (const [subject, { exp }] of bySubject) if (exp <= nowS) bySubject.delete(subject);
      if (bySubject.size === 0) this.#byClient.delete(client);
    }
  }

  get size(): number {
    let size = 0;
    for (const bySubject of this.#byClient.values()) size += bySubject.size;
    return size;
  }
}

function olderThan(
  bySubject: ReadonlyMap<string | undefined, NotBefore> | undefined,
  subject: string,
  issuedAt: number,
): NotBefore | undefined {
  if (bySubject === undefined) return undefined;
  const ofAll = bySubject.get(undefined);
  if (ofAll !== undefined && issuedAt < ofAll.before) return ofAll;
  const ofSubject = bySubject.get(subject);
  return ofSubject !== undefined && issuedAt < ofSubject.before ? ofSubject : undefined;
}
