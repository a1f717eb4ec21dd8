import { Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database, Queries } from '../stores/database.js';
import {
  findAccount,
  findAccountByEmail,
  listAccounts,
  setAccountAccess,
  setAccountStatus,
} from '../stores/users.js';
import { isUuid } from '../tokens/new-uuid.js';
import { renewAccount, revokeAccount } from '../tokens/revoke-account.js';
import type { Account } from './account.js';
import { normaliseEmail } from './normalise-email.js';
import type { PasswordResets, ResetLink } from './reset-password.js';

/** `reference` is an account's id or its e-mail address. All reject with Problem `not_found` or `store_unavailable`. */
export interface AdministerAccounts {
  find(reference: string): Promise<Account>;
  /** In order of addresses, after the given one. */
  list(afterEmail: string, limit: number): Promise<Account[]>;
  /** Ends all that the account has going, and lets it neither log in nor refresh. */
  disable(reference: string, origin: Origin): Promise<Ending>;
  /** It may log in again; sessions from before stay ended. */
  enable(reference: string, origin: Origin): Promise<void>;
  /** In force at once: access tokens from before are refused, and sessions go on with a refresh. */
  setAccess(
    reference: string,
    access: Partial<Pick<Account, 'roles' | 'scopes'>>,
    origin: Origin,
  ): Promise<Ending>;
  createResetLink(reference: string, origin: Origin): Promise<ResetLink>;
}

export function createAdministerAccounts(deps: {
  database: Database;
  clock: Clock;
  issuer: string;
  awaitPublished: AwaitPublished;
  passwordResets: PasswordResets;
}): AdministerAccounts {
  const { database, clock, issuer, awaitPublished, passwordResets } = deps;

  /** Waits for gateways only when something was revoked. */
  async function changing(
    reference: string,
    change: (trx: Queries, account: Account, nowMs: number) => Promise<number | undefined>,
  ): Promise<Ending> {
    const nowMs = clock.now();
    const seq = await database.transaction(async (trx) =>
      change(trx, await requireAccount(trx, reference), nowMs),
    );
    return seq === undefined ? 'revoked' : awaitPublished(seq);
  }

  return {
    find: (reference) => database.run((db) => requireAccount(db, reference)),
    list: (afterEmail, limit) => database.run((db) => listAccounts(db, afterEmail, limit)),

    disable: (reference, origin) =>
      changing(reference, async (trx, { id: subject }, nowMs) => {
        const now = new Date(nowMs);
        await setAccountStatus(trx, subject, 'disabled', now);
        await insertAuditRecord(trx, { action: 'account.disabled', actor: 'operator', subject, origin }, now);
        return revokeAccount(trx, { issuer, subject, reason: 'disabled' }, nowMs);
      }),

    async enable(reference, origin) {
      await changing(reference, async (trx, { id: subject }, nowMs) => {
        const now = new Date(nowMs);
        await setAccountStatus(trx, subject, 'active', now);
        await insertAuditRecord(trx, { action: 'account.enabled', actor: 'operator', subject, origin }, now);
        return undefined;
      });
    },

    setAccess: (reference, access, origin) =>
      changing(reference, async (trx, account, nowMs) => {
        const now = new Date(nowMs);
        const { id: subject } = account;
        const detail = { roles: access.roles ?? account.roles, scopes: access.scopes ?? account.scopes };
        await setAccountAccess(trx, subject, detail, now);
        const record = {
          action: 'account.access-changed',
          actor: 'operator',
          subject,
          origin,
          detail,
        } as const;
        await insertAuditRecord(trx, record, now);
        return renewAccount(trx, { issuer, subject }, nowMs);
      }),

    createResetLink: (reference, origin) =>
      database.transaction(async (trx) =>
        passwordResets.createLink(trx, await requireAccount(trx, reference), 'operator', origin),
      ),
  };
}

async function requireAccount(db: Queries, reference: string): Promise<Account> {
  const email = normaliseEmail(reference);
  const account = isUuid(reference)
    ? await findAccount(db, reference)
    : email === undefined
      ? undefined
      : await findAccountByEmail(db, email);
  if (account === undefined) throw new Problem('not_found');
  return account;
}
