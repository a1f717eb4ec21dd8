import { REVOCATION_MARGIN_S } from '../../contracts/revocation.js';
import type { Queries } from '../stores/database.js';
import { endFamiliesOf, moveFamilies } from '../stores/end-families.js';
import { latestAccessExpiry } from '../stores/refresh-families.js';
import { insertRevocation } from '../stores/revocations.js';
import { raiseTokenVersion } from '../stores/users.js';
import type { EndReason } from './family.js';

/**
 * Ends everything that an account has going: raises its token version, ends its sessions and revokes what is older. The
 * last thing that a transaction does (stores/revocations.ts). Returns the entry's `seq`, or undefined when there is no
 * such account.
 */
export async function revokeAccount(
  trx: Queries,
  { issuer, subject, reason }: { issuer: string; subject: string; reason: EndReason | 'logout-all' },
  nowMs: number,
): Promise<number | undefined> {
  return revokeOlder(trx, { issuer, subject }, nowMs, () => endFamiliesOf(trx, subject, nowMs, reason));
}

/**
 * Revokes the access tokens of an account, whose sessions go on with a refresh. By the version and not by the time: a
 * token of the same second may be older or newer. Otherwise as `revokeAccount`.
 */
export function renewAccount(
  trx: Queries,
  { issuer, subject }: { issuer: string; subject: string },
  nowMs: number,
): Promise<number | undefined> {
  return revokeOlder(trx, { issuer, subject }, nowMs, (ver) => moveFamilies(trx, subject, ver));
}

async function revokeOlder(
  trx: Queries,
  { issuer, subject }: { issuer: string; subject: string },
  nowMs: number,
  changeFamilies: (ver: number) => Promise<void>,
): Promise<number | undefined> {
  const now = new Date(nowMs);
  const ver = await raiseTokenVersion(trx, subject, now);
  if (ver === undefined) return undefined;
  await changeFamilies(ver);
  // Only now: a refresh that was faster than the change of its family has left its expiry there.
  const exp =
    Math.max(await latestAccessExpiry(trx, subject), Math.floor(nowMs / 1000)) + REVOCATION_MARGIN_S;
  return insertRevocation(trx, { kind: 'subject', iss: issuer, sub: subject, ver, exp }, now);
}
