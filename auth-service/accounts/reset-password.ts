import { createHash } from 'node:crypto';
import { Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import type { AwaitPublished, Ending } from '../revocation/await-published.js';
import { type Actor, insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database, Queries } from '../stores/database.js';
import { findPasswordReset, storePasswordReset, takePasswordReset } from '../stores/password-resets.js';
import { findAccount, replacePassword } from '../stores/users.js';
import { revokeAccount } from '../tokens/revoke-account.js';
import type { Account } from './account.js';
import type { PasswordHasher } from './password-hasher.js';
import type { CheckPassword } from './password-policy.js';

/** A token that lets whoever has it choose the account's password, once. Put into a link, in the fragment. */
export interface ResetLink {
  token: string;
  expiresAtMs: number;
}

export interface PasswordResets {
  /** Makes a link, in the transaction of what asks for it. An earlier one of the account is no longer valid. */
  createLink(trx: Queries, account: Account, actor: Actor, origin: Origin): Promise<ResetLink>;
  /**
   * Sets the password and ends every session of the account. Rejects with Problem `reset_token_invalid`,
   * `password_too_*` (the link stays valid), `overloaded` or `store_unavailable`.
   */
  use(
    reset: { token: string; newPassword: string },
    origin: Origin,
  ): Promise<{ account: Account; ending: Ending }>;
}

const PREFIX = 'gtl_';
const TOKEN_BYTES = 32;

/** One-time links. Only the hash of a token is stored; with 256 random bits it needs neither salt nor stretching. */
export function createPasswordResets(deps: {
  database: Database;
  clock: Clock;
  random: (size: number) => Buffer;
  hasher: PasswordHasher;
  checkPassword: CheckPassword;
  lifetimeMs: number;
  issuer: string;
  awaitPublished: AwaitPublished;
}): PasswordResets {
  const { database, clock, random, hasher, checkPassword, lifetimeMs, issuer, awaitPublished } = deps;

  async function findOwner(tokenHash: Buffer): Promise<Account> {
    const account = await database.run(async (db) => {
      const userId = await findPasswordReset(db, tokenHash, new Date(clock.now()));
      return userId === undefined ? undefined : findAccount(db, userId);
    });
    if (account === undefined) throw new Problem('reset_token_invalid');
    return account;
  }

  return {
    async createLink(trx, account, actor, origin) {
      const nowMs = clock.now();
      const now = new Date(nowMs);
      const token = PREFIX + random(TOKEN_BYTES).toString('base64url');
      const expiresAtMs = nowMs + lifetimeMs;
      await storePasswordReset(trx, { userId: account.id, tokenHash: hashOf(token), expiresAtMs }, now);
      await insertAuditRecord(trx, { action: 'account.reset-link', actor, subject: account.id, origin }, now);
      return { token, expiresAtMs };
    },

    async use({ token, newPassword }, origin) {
      const tokenHash = hashOf(token);
      const account = await findOwner(tokenHash); // before the work of a hash
      checkPassword(newPassword, account);
      const passwordHash = await hasher.hash(newPassword);
      const nowMs = clock.now();
      const now = new Date(nowMs);
      const seq = await database.transaction(async (trx) => {
        const taken = await takePasswordReset(trx, tokenHash, now);
        if (!taken || !(await replacePassword(trx, account, passwordHash, now)))
          throw new Problem('reset_token_invalid');
        const { id: subject } = account;
        const action = 'account.password-reset';
        await insertAuditRecord(trx, { action, actor: `user:${subject}`, subject, origin }, now);
        return revokeAccount(trx, { issuer, subject, reason: 'password' }, nowMs);
      });
      return { account, ending: seq === undefined ? 'revoked' : await awaitPublished(seq) };
    },
  };
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
