import { REVOCATION_MARGIN_S } from '../../contracts/revocation.js';
import type { Queries } from '../stores/database.js';
import { endFamiliesOf, latestAccessExpiry } from '../stores/refresh-families.js';
import { insertRevocation } from '../stores/revocations.js';
import { raiseTokenVersionOf } from '../stores/users.js';
import type { EndReason } from './family.js';

/**
 * Ends everything that an account has going: raises its token version, ends its sessions and revokes what is older. The
 * last thing that a transaction does (stores/revocations.ts). Returns the entry's `seq`, or undefined when there is no
 * such account.
 */
export async function revokeAccount(
  trx: Queries,
  { issuer, subject, reason }: { issuer: string; subject: string; reason: EndReason },
  nowMs: number,
): Promise<number | undefined> {
  const now = new Date(nowMs);
  const ver = await raiseTokenVersionOf(trx, subject, now);
  if (ver === undefined) return undefined;
  await endFamiliesOf(trx, subject, nowMs, reason);
  const exp = await subjectEntryExpiry(trx, subject, nowMs);
  return insertRevocation(trx, { kind: 'subject', iss: issuer, sub: subject, ver, exp }, now);
}

/** When a subject entry may be forgotten. In any case it lives long enough to be seen to arrive. */
export async function subjectEntryExpiry(trx: Queries, subject: string, nowMs: number): Promise<number> {
  const nowS = Math.floor(nowMs / 1000);
  return Math.max(await latestAccessExpiry(trx, subject), nowS) + REVOCATION_MARGIN_S;
}
