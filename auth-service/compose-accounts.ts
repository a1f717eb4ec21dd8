import type { Clock } from '../kit/clock.js';
import { createAdministerAccounts } from './accounts/administer-accounts.js';
import { createAuthenticate } from './accounts/authenticate.js';
import { createChangePassword } from './accounts/change-password.js';
import { createIsCommonPassword, readCommonPasswords } from './accounts/common-passwords.js';
import { createCreateAccount } from './accounts/create-account.js';
import { createDeviceTokens } from './accounts/device-token.js';
import { createEnsureAccount, type EnsureAccount } from './accounts/ensure-account.js';
import { createPasswordHasher } from './accounts/password-hasher.js';
import { createCheckPassword } from './accounts/password-policy.js';
import { createRegister } from './accounts/register.js';
import { createPasswordResets } from './accounts/reset-password.js';
import { createThrottle } from './accounts/throttle.js';
import { userRoutes } from './http/admin/user-routes.js';
import type { AddAdminRoutes } from './http/admin-routes.js';
import type { LoginRouteDeps } from './http/login-routes.js';
import type { SessionRouteDeps } from './http/session-routes.js';
import type { AuthConfig } from './options.js';
import type { AwaitPublished } from './revocation/await-published.js';
import type { Database } from './stores/database.js';

export interface Accounts {
  ensureAccount: EnsureAccount;
  routes: Pick<LoginRouteDeps, 'authenticate' | 'register'> &
    Pick<SessionRouteDeps, 'changePassword' | 'passwordResets' | 'issueDeviceToken'>;
  adminRoutes: AddAdminRoutes;
}

/** Everything about accounts and their passwords. */
export async function composeAccounts(
  config: AuthConfig,
  deps: {
    database: Database;
    clock: Clock;
    random: (size: number) => Buffer;
    awaitPublished: AwaitPublished;
  },
): Promise<Accounts> {
  const { issuer, encryptionKeys } = config;
  const { passwordCost, resetLinkMs, registration } = config.accounts;
  const { database, clock, random, awaitPublished } = deps;

  const hasher = await createPasswordHasher(random, { cost: passwordCost });
  const checkPassword = createCheckPassword(createIsCommonPassword(readCommonPasswords()));
  const throttle = createThrottle({ database, clock });
  const devices = createDeviceTokens({ encryptionKeys, random, clock });
  const shared = { database, clock, random, hasher, throttle, checkPassword, issuer, awaitPublished };
  const passwordResets = createPasswordResets({ ...shared, lifetimeMs: resetLinkMs });
  const createAccount = createCreateAccount(shared);
  const administerAccounts = createAdministerAccounts({ ...shared, passwordResets });

  return {
    ensureAccount: createEnsureAccount({ database, hasher, clock }),
    routes: {
      authenticate: createAuthenticate({ ...shared, devices }),
      register: registration && createRegister({ createAccount, throttle, devices, ...registration }),
      changePassword: createChangePassword(shared),
      passwordResets,
      issueDeviceToken: (email) => devices.issue(email, undefined),
    },
    adminRoutes: userRoutes({ createAccount, administerAccounts, passwordResets }),
  };
}
