import { REVOCATION_MARGIN_S } from '../../contracts/revocation.js';
import { type KeyConfig, publishLeadMs } from './key-settings.js';
import type { StoredSigningKey } from './signing-key.js';

/**
 * What the keys need by themselves:
 * - `start`: there is no active key, as on an empty database
 * - `make-next`: the one in waiting is missing. There always is one, so that an emergency finds a key that every cache
 *   has seen already
 * - `rotate`: the active one has signed for long enough, and its successor has been published for long enough
 * - `withdraw`: no token of it is left
 */
export type KeyWork =
  | { kind: 'start' }
  | { kind: 'make-next' }
  | { kind: 'rotate' }
  | { kind: 'withdraw'; kid: string };

export function dueKeyWork(keys: readonly StoredSigningKey[], nowMs: number, settings: KeyConfig): KeyWork[] {
  const active = keys.find((key) => key.state === 'active');
  const next = keys.find((key) => key.state === 'next');
  const due: KeyWork[] = [];
  if (active === undefined) due.push({ kind: 'start' });
  else if (next === undefined) due.push({ kind: 'make-next' });
  else if (
    nowMs >= (active.activatedAtMs ?? active.createdAtMs) + settings.rotateEveryMs &&
    usableInMs(next, nowMs, settings) === 0
  ) {
    due.push({ kind: 'rotate' });
  }
  for (const { state, kid, tokensExpireS } of keys) {
    const isOver = state === 'retiring' && (tokensExpireS + REVOCATION_MARGIN_S) * 1000 <= nowMs;
    if (isOver) due.push({ kind: 'withdraw', kid });
  }
  return due;
}

/** How long until a published key may sign: 0 when no cache can be left that has not seen it. */
export function usableInMs(key: StoredSigningKey, nowMs: number, settings: KeyConfig): number {
  return Math.max(0, key.createdAtMs + publishLeadMs(settings) - nowMs);
}
