import { randomBytes } from 'node:crypto';
import { StartupError } from '../../kit/startup-error.js';

const MIN_CHARACTERS = 32;

/**
 * What the assertion keys are derived from: `assertions.secret`, or without one 32 random bytes, whose keys are this
 * process's own and end with it.
 */
export function assertionSecret(setting: string | undefined): Uint8Array {
  if (setting === undefined || setting === '') return randomBytes(32);
  if (setting.length < MIN_CHARACTERS) {
    const remedy = `use ${MIN_CHARACTERS} random characters or more (openssl rand -base64 32)`;
    throw new StartupError(`assertions.secret is too short to derive keys from: ${remedy}`);
  }
  return Buffer.from(setting, 'utf8');
}
