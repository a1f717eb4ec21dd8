import type { Origin } from '../stores/audit.js';
import type { Authenticated } from './authenticate.js';
import type { CreateAccount } from './create-account.js';
import type { DeviceTokens } from './device-token.js';
import type { Throttle } from './throttle.js';

export type Register = (
  credentials: { email: string; password: string },
  origin: Origin,
) => Promise<Authenticated>;

/**
 * Makes an account for whoever asks, with the roles and scopes of the settings. Nothing shows that the address is
 * theirs. Every try counts against the network address, taken addresses too, which this necessarily tells of.
 * Rejects as createAccount does, and with Problem `too_many_attempts`.
 */
export function createRegister(deps: {
  createAccount: CreateAccount;
  throttle: Throttle;
  devices: DeviceTokens;
  roles: readonly string[];
  scopes: readonly string[];
}): Register {
  const { createAccount, throttle, devices } = deps;
  return async ({ email, password }, origin) => {
    const attempt = await throttle.begin({ registrationFrom: origin.ip });
    await attempt.failed();
    const request = { email, password, roles: [...deps.roles], scopes: [...deps.scopes] };
    const { account } = await createAccount(request, 'anonymous', origin, () => Promise.resolve());
    return { account, deviceToken: devices.issue(account.email, undefined) };
  };
}
