import { Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import { insertAuditRecord, type Origin } from '../stores/audit.js';
import type { Database } from '../stores/database.js';
import { findAccountByEmail, replacePasswordHash } from '../stores/users.js';
import type { Account } from './account.js';
import type { DeviceTokens } from './device-token.js';
import { normaliseEmail } from './normalise-email.js';
import type { PasswordHasher } from './password-hasher.js';
import type { Throttle } from './throttle.js';

export interface Credentials {
  email: string;
  password: string;
  /** accounts/device-token.ts */
  deviceToken: string | undefined;
}

export interface Authenticated {
  account: Account;
  /** For the device to keep. */
  deviceToken: string;
}

export type Authenticate = (credentials: Credentials, origin: Origin) => Promise<Authenticated>;

/**
 * The account of these credentials. An unknown address and a wrong password are the same answer after the same work;
 * that an account is disabled is told only to who knows its password. Rejects with Problem `invalid_credentials`,
 * `too_many_attempts`, `account_disabled`, `overloaded` or `store_unavailable`.
 */
export function createAuthenticate(deps: {
  database: Database;
  clock: Clock;
  hasher: PasswordHasher;
  throttle: Throttle;
  devices: DeviceTokens;
}): Authenticate {
  const { database, clock, hasher, throttle, devices } = deps;

  async function rehashIfOutdated(account: Account, password: string): Promise<void> {
    if (!hasher.isOutdated(account.passwordHash)) return;
    const passwordHash = await hasher.hash(password).catch(() => undefined); // overloaded: another time
    if (passwordHash !== undefined)
      await database.run((db) => replacePasswordHash(db, account, passwordHash));
  }

  return async ({ email, password, deviceToken }, origin) => {
    const address = normaliseEmail(email);
    const name = address ?? email;
    const deviceId = devices.identify(name, deviceToken);
    const attempt = await throttle.begin({ account: name, ip: origin.ip, deviceId });
    const account =
      address === undefined ? undefined : await database.run((db) => findAccountByEmail(db, address));
    const matches = await hasher.verify(account?.passwordHash, password);
    if (account === undefined || !matches) {
      const action = 'session.login-failed';
      const record = { action, actor: 'anonymous', subject: account?.id, origin } as const;
      await attempt.failed((trx) => insertAuditRecord(trx, record, new Date(clock.now())));
      throw new Problem('invalid_credentials');
    }
    await attempt.succeeded();
    if (account.status !== 'active') throw new Problem('account_disabled');
    await rehashIfOutdated(account, password);
    return { account, deviceToken: devices.issue(account.email, deviceId) };
  };
}
