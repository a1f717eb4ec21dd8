import { randomBytes } from 'node:crypto';

/**
 * What the assertion keys are derived from: `assertions.secret`, or without one 32 random bytes, whose keys are this
 * process's own and end with it.
 */
export function assertionSecret(setting: string | undefined): Uint8Array {
  return setting === undefined || setting === '' ? randomBytes(32) : Buffer.from(setting, 'utf8');
}
