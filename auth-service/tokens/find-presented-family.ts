import type { Account } from '../accounts/account.js';
import type { Envelope } from '../keys/envelope.js';
import type { Database } from '../stores/database.js';
import { findFamilyAndAccount } from '../stores/refresh-families.js';
import type { Family } from './family.js';
import { familySecretOwner } from './issued-session.js';
import { isGenuine, type RefreshToken } from './refresh-token.js';

export interface PresentedFamily {
  family: Family;
  account: Account;
  /** The family's MAC secret. */
  secret: Buffer;
}

/**
 * The family that a refresh token belongs to, or undefined when it was not made by us. Reads only: whoever knows a
 * family's id and nothing else changes nothing.
 */
export async function findPresentedFamily(
  deps: { database: Database; envelope: Envelope },
  token: RefreshToken,
): Promise<PresentedFamily | undefined> {
  const found = await deps.database.run((db) => findFamilyAndAccount(db, token.familyId));
  if (found === undefined) return undefined;
  const secret = deps.envelope.open(found.family.secret, familySecretOwner(found.family.id));
  return isGenuine(token, secret) ? { ...found, secret } : undefined;
}
