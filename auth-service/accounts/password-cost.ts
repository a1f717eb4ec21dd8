const MIB = 1024 ** 2;

/** What a password hash costs: parameters of argon2id (RFC 9106). */
export interface PasswordCost {
  memoryBytes: number;
  passes: number;
  lanes: number;
}

/** OWASP's minimum for argon2id: 19 MiB, two passes, one lane. About 10 ms of one core. Settings may only add to it. */
export const DEFAULT_PASSWORD_COST: PasswordCost = { memoryBytes: 19 * MIB, passes: 2, lanes: 1 };

/** More than this per login would be a way to stop the service. */
export const MAX_PASSWORD_COST: PasswordCost = { memoryBytes: 1024 * MIB, passes: 20, lanes: 16 };
