import type { ChangeKeys } from './change-keys.js';
import type { SigningKeys } from './signing-keys.js';

/**
 * What is changed through this instance it signs and publishes by before the answer. An answer that came earlier would
 * promise that a revoked key is gone while this instance's own key set still shows it.
 */
export function effectiveHere(changes: ChangeKeys, keys: Pick<SigningKeys, 'reload'>): ChangeKeys {
  const andReload = async <T>(changed: Promise<T>): Promise<T> => {
    const result = await changed;
    await keys.reload();
    return result;
  };
  return {
    maintain: () => andReload(changes.maintain()),
    rotate: (by) => andReload(changes.rotate(by)),
    revoke: (kid, by) => andReload(changes.revoke(kid, by)),
  };
}
