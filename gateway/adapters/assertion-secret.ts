import { randomBytes } from 'node:crypto';

/**
 * What the assertion keys are derived from: `assertions.secret`, or without one 32 random bytes, whose keys are this
 * gateway's own and end with it. `own`: those bytes, where several processes are one gateway.
 */
export function assertionSecret(setting: string | undefined, own?: Uint8Array): Uint8Array {
  return setting === undefined || setting === '' ? (own ?? randomBytes(32)) : Buffer.from(setting, 'utf8');
}
